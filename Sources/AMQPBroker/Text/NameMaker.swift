/// Names that the broker makes, out of a seed.
struct NameMaker: Sendable {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// SplitMix64.
    private mutating func draw() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// `prefix-` and 22 letters.
    mutating func next(_ prefix: String) -> String {
        var octets = Array(prefix.utf8)
        octets.append(UInt8(ascii: "-"))
        for _ in 0..<2 {
            var drawn = self.draw()
            for _ in 0..<11 {
                octets.append(Self.letters[Int(drawn & 63)])
                drawn >>= 5
            }
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
