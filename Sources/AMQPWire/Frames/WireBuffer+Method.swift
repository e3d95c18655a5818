extension WireBuffer {
    /// Appends a method frame for a method known at run time only.
    ///
    /// - Throws: A `WireError` if the method can not be encoded within `frameMax` octets; the buffer is unchanged then.
    public mutating func appendMethodFrame(_ method: Method, channel: UInt16, frameMax: Int) throws(WireError) {
        let start = self.count
        self.append(Frame.method)
        self.appendUInt16(channel)
        self.appendUInt32(0)
        do throws(WireError) {
            try method.encode(into: &self)
            let size = self.count - start - Frame.headerSize
            guard size <= frameMax - Frame.overhead else {
                throw WireError(
                    .frameTooLarge,
                    "\(method.id) takes \(size + Frame.overhead) octets, the limit is \(frameMax)"
                )
            }
            self.overwriteUInt32(UInt32(size), at: start + 3)
            self.append(Frame.end)
        } catch {
            self.truncate(to: start)
            throw error
        }
    }
}
