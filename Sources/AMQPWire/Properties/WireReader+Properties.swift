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
}
