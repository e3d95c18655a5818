extension WireBuffer {
    /// Appends a field table: 4 octets of length, then names and tagged values.
    ///
    /// - Throws: `.stringTooLong` for a name of more than 255 octets, `.tooDeep`, `.tooLarge`. A part of the table may
    ///   have been written then: `truncate(to:)` undoes it, and the functions that append frames do so themselves.
    public mutating func appendTable(_ table: FieldTable) throws(WireError) {
        try self.appendTable(table, maxDepth: FieldTable.maxDepth)
    }

    private mutating func appendTable(_ table: FieldTable, maxDepth: Int) throws(WireError) {
        guard maxDepth > 0 else { throw WireError(.tooDeep, "a field table is nested too deep") }
        try self.appendCounted("a field table") { buffer throws(WireError) in
            for entry in table.entries {
                do throws(WireError) {
                    try buffer.appendText(entry.key, entry.undecodedKey)
                    try buffer.append(entry.value, maxDepth: maxDepth - 1)
                } catch {
                    throw error.naming("field '\(entry.key.prefix(40))'")
                }
            }
            buffer.append(contentsOf: table.undecoded)
        }
    }

    private mutating func appendArray(_ values: [FieldValue], maxDepth: Int) throws(WireError) {
        guard maxDepth > 0 else { throw WireError(.tooDeep, "a field array is nested too deep") }
        try self.appendCounted("a field array") { buffer throws(WireError) in
            for value in values { try buffer.append(value, maxDepth: maxDepth - 1) }
        }
    }

    private mutating func append(tag: UnicodeScalar, _ value: some FixedWidthInteger & BitwiseCopyable) {
        self.append(tag: tag)
        self.appendInteger(value)
    }

    private mutating func append(tag: UnicodeScalar) { self.append(UInt8(truncatingIfNeeded: tag.value)) }

    private mutating func append(_ value: FieldValue, maxDepth: Int) throws(WireError) {
        switch value {
        case .bool(let value): self.append(tag: "t", UInt8(value ? 1 : 0))
        case .int8(let value): self.append(tag: "b", value)
        case .uint8(let value): self.append(tag: "B", value)
        case .int16(let value): self.append(tag: "s", value)
        case .uint16(let value): self.append(tag: "u", value)
        case .int32(let value): self.append(tag: "I", value)
        case .uint32(let value): self.append(tag: "i", value)
        case .int64(let value): self.append(tag: "l", value)
        case .legacyInt64(let value): self.append(tag: "L", value)
        case .float(let value): self.append(tag: "f", value.bitPattern)
        case .double(let value): self.append(tag: "d", value.bitPattern)
        case .decimal(let scale, let value):
            self.append(tag: "D", scale)
            self.appendUInt32(value)
        case .timestamp(let value): self.append(tag: "T", value)
        case .void: self.append(tag: "V")
        case .undecoded(let tag, let octets):
            self.append(tag)
            self.append(contentsOf: octets)
        case .string, .nonUTF8String, .bytes, .array, .table: try self.appendSized(value, maxDepth: maxDepth)
        }
    }

    private mutating func appendSized(_ value: FieldValue, maxDepth: Int) throws(WireError) {
        switch value {
        case .string(let string):
            self.append(tag: "S")
            try self.appendLongString(string)
        case .nonUTF8String(let octets):
            self.append(tag: "S")
            try self.appendLongString(octets)
        case .bytes(let octets):
            self.append(tag: "x")
            try self.appendLongString(octets)
        case .array(let values):
            self.append(tag: "A")
            try self.appendArray(values, maxDepth: maxDepth)
        case .table(let table):
            self.append(tag: "F")
            try self.appendTable(table, maxDepth: maxDepth)
        default: break
        }
    }
}
