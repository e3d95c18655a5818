extension Method {
    /// Reads the payload of a method frame: class number, method number, arguments, and nothing behind them.
    ///
    /// - Parameter payload: Without the frame's head and end.
    /// - Returns: The method with its arguments, which share no memory with `payload`.
    /// - Throws: `.unknownMethod` (C28), `.trailing`, or what is wrong with an argument; the message names the method.
    public static func decode(_ payload: UnsafeRawBufferPointer) throws(WireError) -> Method {
        var reader = WireReader(payload)
        let id: MethodID
        do {
            id = MethodID(classID: try reader.readUInt16(), methodID: try reader.readUInt16())
        } catch {
            throw error.naming("method frame")
        }
        do throws(WireError) {
            let method = try Self.decodeArguments(of: id, from: &reader)
            guard reader.isAtEnd else {
                throw WireError(
                    .trailing,
                    "\(Plural.of(reader.remaining, "octet")) left over at offset \(reader.offset)"
                )
            }
            return method
        } catch {
            throw error.kind == .unknownMethod ? error : error.naming(id.description)
        }
    }

    /// Writes the payload of a method frame: class number, method number, arguments.
    ///
    /// - Throws: What cannot be written; the message names the method. A part may have been written then.
    public func encode(into buffer: inout WireBuffer) throws(WireError) {
        buffer.appendUInt32(self.id.combined)
        do {
            try self.encodeArguments(into: &buffer)
        } catch {
            throw error.naming(self.id.description)
        }
    }
}
