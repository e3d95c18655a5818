import MillraceMessages

/// When a message was published, as far as it says so itself; read without decoding it.
enum PublishedTime: Equatable {
    /// Its header `millrace-published-at`: since 1970.
    case milliseconds(Int64)
    /// Its timestamp, in whole seconds since 1970.
    case seconds(Int64)

    private static let header = Array(JobHeaders.publishedAt.utf8)

    /// - Parameter header: A content header: class, weight, size, flags, properties (AMQP 0-9-1 §4.2.6.1).
    init?(_ header: UnsafeRawBufferPointer) {
        guard header.count > 14 else { return nil }
        let flags = UInt16(header[12]) << 8 | UInt16(header[13])
        guard flags & 1 == 0 else { return nil }
        var reader = Reader(octets: header, position: 14)
        for bit in [15, 14] where flags & 1 << bit != 0 { reader.skipText() }
        if flags & 1 << 13 != 0, let time = reader.takeTable(Self.header) {
            self = .milliseconds(time)
            return
        }
        for bit in [12, 11] where flags & 1 << bit != 0 { reader.position += 1 }
        for bit in [10, 9, 8, 7] where flags & 1 << bit != 0 { reader.skipText() }
        guard flags & 1 << 6 != 0, let time = reader.integer(at: reader.position), time > 0 else { return nil }
        self = .seconds(time)
    }

    /// How long ago that was, in nanoseconds.
    ///
    /// Of whole seconds only whole ones are known: it is right on average, and by one at most.
    ///
    /// - Parameter now: Milliseconds since 1970.
    /// - Returns: 0 for what is not yet: clocks differ, and some count milliseconds where seconds belong.
    func age(now: Int64) -> UInt64 {
        let milliseconds: Int64 =
            switch self {
            case .milliseconds(let time): max(now.subtractingReportingOverflow(time).partialValue, 0)
            case .seconds(let time): max((now / 1000).subtractingReportingOverflow(time).partialValue, 0) &* 1000
            }
        return min(UInt64(clamping: milliseconds), TimeHistogram.longest / 1_000_000) * 1_000_000
    }
}

/// Steps over properties; a position behind the end finds nothing.
private struct Reader {
    let octets: UnsafeRawBufferPointer
    var position: Int

    mutating func skipText() {
        self.position += self.position < self.octets.count ? 1 + Int(self.octets[self.position]) : 1
    }

    func integer(at position: Int) -> Int64? {
        guard position >= 0, position <= self.octets.count - 8 else { return nil }
        return Int64(bitPattern: self.octets.loadUnaligned(fromByteOffset: position, as: UInt64.self).bigEndian)
    }

    /// Steps over a table, and looks in it for a 64-bit integer of this name.
    mutating func takeTable(_ name: [UInt8]) -> Int64? {
        guard self.position <= self.octets.count - 4 else { return nil }
        let length = Int(self.octets.loadUnaligned(fromByteOffset: self.position, as: UInt32.self).bigEndian)
        let start = self.position + 4
        let end = min(start + length, self.octets.count)
        self.position = start + length
        // Its length before it, and after it the tag of a 64-bit integer.
        var index = start
        while index + name.count + 10 <= end {
            if self.octets[index] == UInt8(name.count), self.octets[index + 1] == name[0],
                self.octets[index + 1 + name.count] == UInt8(ascii: "l"),
                self.octets[index + 1..<index + 1 + name.count].elementsEqual(name)
            {
                return self.integer(at: index + name.count + 2)
            }
            index += 1
        }
        return nil
    }
}
