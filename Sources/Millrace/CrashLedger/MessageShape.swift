package import AMQPClient

/// Where the parts of a message stand in a copy of its octets: what leads up to the body, then the body or its two ends.
package struct MessageShape: Equatable, Sendable {
    package let methodLength: Int
    package let headerOffset: Int
    package let headerLength: Int
    /// Octets before the body.
    package let lead: Int

    /// More than this before the body is not copied.
    package static let leadLimit = 512

    /// Nil if there is too much before the body.
    @inline(__always)
    package init?(_ record: ContentRecord) {
        let lead = record.bodyOffset &- record.methodOffset
        guard record.bodyOffset > record.methodOffset, lead <= UInt32(Self.leadLimit) else { return nil }
        self.methodLength = Int(record.methodLength)
        self.headerOffset = Int(record.headerOffset &- record.methodOffset)
        self.headerLength = Int(record.headerLength)
        self.lead = Int(lead)
    }

    /// Nil for 0 and for what no message has.
    package init?(word: UInt64) {
        self.methodLength = Int(word >> 48)
        self.headerOffset = Int(word >> 32 & 0xFFFF)
        self.headerLength = Int(word >> 16 & 0xFFFF)
        self.lead = Int(word & 0xFFFF)
        guard self.lead > 0, self.lead <= Self.leadLimit, self.methodLength <= self.lead,
            self.headerOffset + self.headerLength <= self.lead
        else { return nil }
    }

    @inline(__always)
    static func lead(of word: UInt64) -> UInt64 { word & 0xFFFF }

    @inline(__always)
    package var word: UInt64 {
        UInt64(self.methodLength) << 48 | UInt64(self.headerOffset) << 32 | UInt64(self.headerLength) << 16
            | UInt64(self.lead)
    }
}
