/// Reads a zone as the system has it: a TZif file (RFC 8536), version 1 to 4.
package enum ZoneFile {
    /// - Parameter octets: The file.
    /// - Returns: Nil if it is none, is damaged, or counts leap seconds.
    package static func read(_ octets: [UInt8]) -> ZoneTable? {
        guard let first = Header(octets[...]) else { return nil }
        let rest = octets.dropFirst(Header.length)
        guard first.version > 0 else {
            return Self.table(first, rest, timeLength: 4).map {
                ZoneTable(first: $0.first, changes: $0.changes, rule: nil)
            }
        }
        // The first block is for readers that know 32 bits only.
        guard rest.count >= first.length(timeLength: 4) else { return nil }
        let second = rest.dropFirst(first.length(timeLength: 4))
        guard let header = Header(second) else { return nil }
        let block = second.dropFirst(Header.length)
        guard let table = Self.table(header, block, timeLength: 8) else { return nil }
        let footer = block.dropFirst(header.length(timeLength: 8))
        guard let text = Self.line(footer) else { return nil }
        if text.isEmpty { return ZoneTable(first: table.first, changes: table.changes, rule: nil) }
        guard let rule = ZoneRule(text) else { return nil }
        return ZoneTable(first: table.first, changes: table.changes, rule: rule)
    }

    private struct Header {
        static let length = 44
        let version: Int
        let utcCount: Int
        let standardCount: Int
        let leapCount: Int
        let timeCount: Int
        let typeCount: Int
        let nameLength: Int

        init?(_ octets: ArraySlice<UInt8>) {
            guard octets.count >= Self.length, octets.starts(with: Array("TZif".utf8)) else { return nil }
            let start = octets.startIndex
            let version = octets[start + 4]
            self.version = version >= 0x30 ? Int(version) - 0x30 : 0
            let counts = (0..<6).map { Int(ZoneFile.integer(octets[(start + 20 + $0 * 4)...].prefix(4))) }
            // More than any file has: their sum can not be too much.
            guard counts.allSatisfy({ (0...100_000).contains($0) }) else { return nil }
            (self.utcCount, self.standardCount, self.leapCount) = (counts[0], counts[1], counts[2])
            (self.timeCount, self.typeCount, self.nameLength) = (counts[3], counts[4], counts[5])
        }

        func length(timeLength: Int) -> Int {
            self.timeCount * (timeLength + 1) + self.typeCount * 6 + self.nameLength
                + self.leapCount * (timeLength + 4) + self.standardCount + self.utcCount
        }
    }

    private static func table(
        _ header: Header,
        _ block: ArraySlice<UInt8>,
        timeLength: Int
    ) -> (first: Int, changes: [ZoneTable.Change])? {
        guard header.leapCount == 0, header.typeCount > 0, block.count >= header.length(timeLength: timeLength) else {
            return nil
        }
        let numbers = block.dropFirst(header.timeCount * timeLength)
        let types = numbers.dropFirst(header.timeCount)
        var offsets: [Int] = []
        for type in 0..<header.typeCount {
            let offset = Self.integer(types.dropFirst(type * 6).prefix(4))
            guard (-89_999...93_599).contains(offset) else { return nil }
            offsets.append(Int(offset))
        }
        var changes: [ZoneTable.Change] = []
        var before = Int64.min
        for index in 0..<header.timeCount {
            let time = Self.integer(block.dropFirst(index * timeLength).prefix(timeLength))
            let type = Int(numbers[numbers.startIndex + index])
            guard offsets.indices.contains(type), time > before else { return nil }
            before = time
            // Some change only what the time is called.
            guard offsets[type] != changes.last?.offset ?? offsets[0] else { continue }
            changes.append(ZoneTable.Change(at: time, offset: offsets[type]))
        }
        return (offsets[0], changes)
    }

    /// What stands between two line feeds.
    private static func line(_ footer: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard footer.first == 0x0A else { return nil }
        let text = footer.dropFirst()
        guard let end = text.firstIndex(of: 0x0A) else { return nil }
        return text[..<end]
    }

    /// Signed, the highest octet first.
    private static func integer(_ octets: ArraySlice<UInt8>) -> Int64 {
        guard let first = octets.first else { return 0 }
        return octets.dropFirst().reduce(Int64(Int8(bitPattern: first))) { $0 << 8 | Int64($1) }
    }
}
