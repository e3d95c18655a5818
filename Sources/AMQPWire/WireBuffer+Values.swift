extension WireBuffer {
    /// Appends a short string: one octet of length, then UTF-8.
    ///
    /// - Throws: `.stringTooLong` above 255 octets, with the buffer unchanged (C27).
    public mutating func appendShortString(_ s: String) throws(WireError) {
        var string = s
        let fits = string.withUTF8 { utf8 in
            guard let length = UInt8(exactly: utf8.count) else { return false }
            self.reserve(utf8.count + 1)
            self.append(length)
            self.append(bytes: UnsafeRawBufferPointer(utf8))
            return true
        }
        guard fits else {
            let octets = string.utf8.count
            throw WireError(.stringTooLong, "a short string of \(octets) octets, 255 at most: '\(string.prefix(40))…'")
        }
    }

    /// Appends a short string of any octets: one octet of length, then they.
    ///
    /// - Throws: `.stringTooLong` above 255 octets, with the buffer unchanged (C27).
    public mutating func appendShortString(octets: [UInt8]) throws(WireError) {
        guard let length = UInt8(exactly: octets.count) else {
            throw WireError(.stringTooLong, "a short string of \(octets.count) octets, 255 at most")
        }
        self.append(length)
        self.append(contentsOf: octets)
    }

    /// Appends a text, or the octets that it was read from where they are not UTF-8.
    mutating func appendText(_ text: String, _ undecoded: [UInt8]?) throws(WireError) {
        if let undecoded { try self.appendShortString(octets: undecoded) } else { try self.appendShortString(text) }
    }

    /// Appends a long string: 4 octets of length, then the octets.
    ///
    /// - Throws: `.tooLarge` above 4 GiB, with the buffer unchanged.
    public mutating func appendLongString(_ octets: [UInt8]) throws(WireError) {
        let length = try Self.length(octets.count, of: "a long string")
        self.reserve(octets.count + 4)
        self.appendUInt32(length)
        octets.withUnsafeBytes { self.append(bytes: $0) }
    }

    /// Appends a long string: 4 octets of length, then the UTF-8 of `string`.
    ///
    /// - Throws: `.tooLarge` above 4 GiB, with the buffer unchanged.
    public mutating func appendLongString(_ string: String) throws(WireError) {
        var string = string
        let length = try Self.length(string.utf8.count, of: "a long string")
        self.reserve(string.utf8.count + 4)
        self.appendUInt32(length)
        string.withUTF8 { self.append(bytes: UnsafeRawBufferPointer($0)) }
    }

    static func length(_ count: Int, of what: StaticString) throws(WireError) -> UInt32 {
        guard let length = UInt32(exactly: count) else {
            throw WireError(.tooLarge, "\(what) of \(count) octets does not fit its 32-bit length")
        }
        return length
    }

    /// Appends a number of 4 octets in front of what `body` writes: how many octets that was.
    mutating func appendCounted(
        _ what: StaticString,
        _ body: (inout WireBuffer) throws(WireError) -> Void
    ) throws(WireError) {
        let start = self.count
        self.appendUInt32(0)
        try body(&self)
        self.overwriteUInt32(try Self.length(self.count - start - 4, of: what), at: start)
    }
}
