extension WireReader {
    /// Reads the property flags: the first word's are the ones that mean something.
    ///
    /// Bit 0 announces another word. The chain is read to its end and never written (C26): RabbitMQ refuses it.
    mutating func readPropertyFlags() throws(WireError) -> UInt16 {
        let first = try self.readUInt16()
        var word = first
        while word & 1 != 0 { word = try self.readUInt16() }
        return first
    }

    /// Reads a text, and notes the octets of one that is not UTF-8.
    mutating func readText(_ flag: UInt16, _ undecoded: inout UndecodedTexts) throws(WireError) -> String {
        let octets = try self.readShortStringBytes()
        if let text = String(validating: octets, as: UTF8.self) { return text }
        undecoded[flag] = [UInt8](octets)
        return String(decoding: octets, as: UTF8.self)
    }
}
