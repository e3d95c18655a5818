/// Tables of whoever published a message: what one odd value is must cost nothing else, and it is passed on as it came.
extension WireReader {
    /// Reads a field table and keeps the octets of what it can not read: nothing in it is an error.
    ///
    /// - Parameter maxDepth: How deep tables and arrays may be nested, this one counted, to be read.
    /// - Returns: A table that is written back octet for octet.
    /// - Throws: `.truncated` if the table itself is longer than what is there, `.tooDeep` for a depth of 0.
    public mutating func readTableAsItCame(maxDepth: Int = FieldTable.maxDepth) throws(WireError) -> FieldTable {
        let outerEnd = try self.enter("a field table", maxDepth: maxDepth)
        defer { self.end = outerEnd }
        var table = FieldTable()
        while !self.isAtEnd {
            let start = self.position
            do throws(WireError) {
                let key = try self.readShortStringBytes()
                let value = try self.readValueAsItCame(maxDepth: maxDepth - 1)
                let text = String(validating: key, as: UTF8.self)
                table.entries.append(
                    text.map { FieldTable.Entry(key: $0, value: value) }
                        ?? FieldTable.Entry(keyOctets: key, value: value)
                )
            } catch {
                // Where the next one begins can not be known.
                table.undecoded = [UInt8](self.bytes[start..<self.end])
                self.skipRest()
            }
        }
        return table
    }

    private mutating func readValueAsItCame(maxDepth: Int) throws(WireError) -> FieldValue {
        let start = self.position
        let tag = try self.readUInt8()
        guard tag == UInt8(ascii: "F") || tag == UInt8(ascii: "A") else {
            self.position = start
            return try self.readFieldValue(maxDepth: maxDepth)
        }
        let octets = self.position
        try self.skip(Int(try self.readUInt32()))
        let next = self.position
        self.position = octets
        do throws(WireError) {
            if tag == UInt8(ascii: "F") { return .table(try self.readTableAsItCame(maxDepth: maxDepth)) }
            return .array(try self.readArrayAsItCame(maxDepth: maxDepth))
        } catch {
            self.position = next
            return .undecoded(tag: tag, octets: [UInt8](self.bytes[octets..<next]))
        }
    }

    private mutating func readArrayAsItCame(maxDepth: Int) throws(WireError) -> [FieldValue] {
        let outerEnd = try self.enter("a field array", maxDepth: maxDepth)
        defer { self.end = outerEnd }
        var values: [FieldValue] = []
        while !self.isAtEnd { values.append(try self.readValueAsItCame(maxDepth: maxDepth - 1)) }
        return values
    }
}
