extension WireReader {
    /// Reads a field table: 4 octets of length, then names and tagged values.
    ///
    /// Lengths are checked against what is there before anything is allocated, so a table costs memory in proportion to
    /// its octets (C30).
    ///
    /// - Parameter maxDepth: How deep tables and arrays may be nested, this one counted.
    /// - Returns: The table, in the order it was written.
    /// - Throws: `.truncated`, `.invalidUTF8`, `.unknownFieldTag` with the tag and the name, or `.tooDeep`.
    public mutating func readTable(maxDepth: Int = FieldTable.maxDepth) throws(WireError) -> FieldTable {
        let outerEnd = try self.enter("a field table", maxDepth: maxDepth)
        defer { self.end = outerEnd }
        var entries: [FieldTable.Entry] = []
        while !self.isAtEnd {
            let key = try self.readShortString()
            do {
                entries.append(FieldTable.Entry(key: key, value: try self.readFieldValue(maxDepth: maxDepth - 1)))
            } catch {
                throw error.naming("field '\(key)'")
            }
        }
        return FieldTable(entries)
    }

    private mutating func readArray(maxDepth: Int) throws(WireError) -> [FieldValue] {
        let outerEnd = try self.enter("a field array", maxDepth: maxDepth)
        defer { self.end = outerEnd }
        var values: [FieldValue] = []
        while !self.isAtEnd { values.append(try self.readFieldValue(maxDepth: maxDepth - 1)) }
        return values
    }

    /// Reads a length and narrows the reader to it; returns the end to go back to.
    mutating func enter(_ what: StaticString, maxDepth: Int) throws(WireError) -> Int {
        guard maxDepth > 0 else {
            throw WireError(.tooDeep, "\(what) at offset \(self.offset) is nested too deep")
        }
        let length = Int(try self.readUInt32())
        guard length <= self.remaining else { throw self.truncated(what, of: length) }
        let outerEnd = self.end
        self.end = self.position + length
        return outerEnd
    }

    mutating func readFieldValue(maxDepth: Int) throws(WireError) -> FieldValue {
        let tag = try self.readUInt8()
        switch UnicodeScalar(tag) {
        case "t":
            let octet = try self.readUInt8()
            return octet > 1 ? .undecoded(tag: tag, octets: [octet]) : .bool(octet == 1)
        case "b": return .int8(try self.readInt8())
        case "B": return .uint8(try self.readUInt8())
        case "s": return .int16(try self.readInt16())
        case "u": return .uint16(try self.readUInt16())
        case "I": return .int32(try self.readInt32())
        case "i": return .uint32(try self.readUInt32())
        case "l": return .int64(try self.readInt64())
        case "L": return .legacyInt64(try self.readInt64())
        case "f": return .float(Float(bitPattern: try self.readUInt32()))
        case "d": return .double(Double(bitPattern: try self.readUInt64()))
        case "D": return .decimal(scale: try self.readUInt8(), value: try self.readUInt32())
        case "S": return try self.readStringValue()
        case "x": return .bytes(try self.readLongString())
        case "A": return .array(try self.readArray(maxDepth: maxDepth))
        case "T": return .timestamp(try self.readUInt64())
        case "F": return .table(try self.readTable(maxDepth: maxDepth))
        case "V": return .void
        default: throw Self.unknownTag(tag, at: self.offset - 1)
        }
    }

    private mutating func readStringValue() throws(WireError) -> FieldValue {
        let length = Int(try self.readUInt32())
        let octets = try self.readBytes(length, of: "a long string")
        guard let string = String(validating: octets, as: UTF8.self) else { return .nonUTF8String([UInt8](octets)) }
        return .string(string)
    }

    private static func unknownTag(_ tag: UInt8, at offset: Int) -> WireError {
        let hex = "0x" + (tag < 16 ? "0" : "") + String(tag, radix: 16, uppercase: true)
        let name = (0x21...0x7E).contains(tag) ? "'\(UnicodeScalar(tag))' (\(hex))" : hex
        return WireError(.unknownFieldTag, "unknown type tag \(name) at offset \(offset)")
    }
}
