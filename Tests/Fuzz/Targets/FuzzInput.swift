/// A fuzzer's octets, read as decisions; at the end there are zeros.
struct FuzzInput {
    private let octets: [UInt8]
    private var position = 0

    init(_ octets: some Sequence<UInt8>) { self.octets = Array(octets) }

    var isAtEnd: Bool { self.position >= self.octets.count }

    mutating func octet() -> UInt8 {
        guard !self.isAtEnd else { return 0 }
        defer { self.position += 1 }
        return self.octets[self.position]
    }

    mutating func short() -> UInt16 { UInt16(self.octet()) << 8 | UInt16(self.octet()) }
    mutating func bit() -> Bool { self.octet() & 1 == 1 }
    mutating func choice(of count: Int) -> Int { Int(self.octet()) % count }

    /// One octet of length, then at most as many octets.
    mutating func run() -> [UInt8] {
        let count = min(Int(self.octet()), self.octets.count - self.position)
        defer { self.position += count }
        return Array(self.octets[self.position..<(self.position + count)])
    }
}
