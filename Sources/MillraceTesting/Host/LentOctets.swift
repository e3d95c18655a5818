import CMillraceABI

/// Octets that a plugin may look at, for as long as this object lives.
final class LentOctets {
    private let memory: UnsafeMutableBufferPointer<UInt8>

    init(_ octets: some Collection<UInt8>) {
        self.memory = .allocate(capacity: octets.count)
        _ = self.memory.initialize(from: octets)
    }

    deinit { self.memory.deallocate() }

    var abi: millrace_bytes {
        millrace_bytes(
            data: self.memory.isEmpty ? nil : UnsafePointer(self.memory.baseAddress),
            length: self.memory.count
        )
    }

    /// Who looks at them from here on sees nonsense: their time is over.
    func spoil() { self.memory.update(repeating: 0xEE) }
}

extension millrace_bytes {
    /// The octets; none for a NULL with a length, which only a faulty plugin gives.
    var octets: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: self.data, count: self.data == nil ? 0 : self.length)
    }

    /// As text; what is not UTF-8 is replaced.
    var text: String { String(decoding: self.octets, as: UTF8.self) }

    /// Whether it is what the ABI allows: NULL only without a length, and not longer than `limit`.
    func isValid(limit: Int = .max) -> Bool { (self.data != nil || self.length == 0) && self.length <= limit }
}
