extension WireBuffer {
    /// Appends a frame that carries one method.
    ///
    /// - Parameters:
    ///   - m: The method.
    ///   - channel: The channel's number, 0 for the connection.
    ///   - frameMax: The largest frame allowed, its 8 octets of overhead included.
    /// - Throws: `.frameTooLarge` if it does not fit (C20), or what cannot be written. The buffer is unchanged then.
    public mutating func appendMethodFrame(
        _ m: some AMQPMethod,
        channel: UInt16,
        frameMax: Int
    ) throws(WireError) {
        let start = self.count
        do {
            try self.appendUndoneMethodFrame(m, channel: channel, frameMax: frameMax)
        } catch {
            self.truncate(to: start)
            throw error
        }
    }

    /// Appends a whole message as one run of frames: method, header, and the body in pieces of `frameMax - 8`.
    ///
    /// An empty body has no body frame (C23). Nothing may come between these frames on their channel (C25), so append
    /// them to what is sent under one lock.
    ///
    /// - Parameters:
    ///   - method: A method with content: `basic.publish`, `basic.return`, `basic.deliver`, `basic.get-ok`.
    ///   - properties: The message's properties.
    ///   - body: The message's body, which is copied.
    ///   - channel: The channel's number.
    ///   - frameMax: The largest frame allowed, its 8 octets of overhead included; more than 8.
    /// - Throws: `.frameTooLarge` if the method or the header does not fit in a frame (C20), `.stringTooLong` (C27),
    ///   `.notContent`, or what else cannot be written. The buffer is unchanged then.
    public mutating func appendContentFrames<M: AMQPMethod>(
        _ method: M,
        properties: BasicProperties,
        body: UnsafeRawBufferPointer,
        channel: UInt16,
        frameMax: Int
    ) throws(WireError) {
        guard M.hasContent else { throw WireError(.notContent, "\(M.id) carries no content") }
        let start = self.count
        do {
            try self.appendUndoneMethodFrame(method, channel: channel, frameMax: frameMax)
            try self.appendFrame(Frame.header, "a content header", channel, frameMax) { buffer throws(WireError) in
                try ContentHeader(bodySize: UInt64(body.count), properties: properties).encode(into: &buffer)
            }
        } catch {
            self.truncate(to: start)
            throw error
        }
        self.appendBodyFrames(body, channel: channel, frameMax: frameMax)
    }

    /// Appends a heartbeat: 8 octets, always on channel 0 (C16).
    @inlinable
    public mutating func appendHeartbeat() {
        let frame = self.extend(by: Frame.overhead)
        frame.storeBytes(of: (UInt64(Frame.heartbeat) << 56 | UInt64(Frame.end)).bigEndian, as: UInt64.self)
    }

    private mutating func appendUndoneMethodFrame<M: AMQPMethod>(
        _ method: M,
        channel: UInt16,
        frameMax: Int
    ) throws(WireError) {
        do {
            try self.appendFrame(Frame.method, "the method", channel, frameMax) { buffer throws(WireError) in
                buffer.appendUInt32(M.id.combined)
                try method.encode(into: &buffer)
            }
        } catch {
            throw error.naming(M.id.description)
        }
    }

    private mutating func appendFrame(
        _ type: UInt8,
        _ what: StaticString,
        _ channel: UInt16,
        _ frameMax: Int,
        _ body: (inout WireBuffer) throws(WireError) -> Void
    ) throws(WireError) {
        let start = self.count
        self.append(type)
        self.appendUInt16(channel)
        try self.appendCounted(what, body)
        self.append(Frame.end)
        let size = self.count - start
        guard size <= frameMax else {
            throw WireError(.frameTooLarge, "\(what) needs a frame of \(size) octets; frame-max is \(frameMax)")
        }
    }

    /// The method frame before it fitted in `frameMax`, so a piece is never empty and this ends.
    private mutating func appendBodyFrames(_ body: UnsafeRawBufferPointer, channel: UInt16, frameMax: Int) {
        let most = Swift.min(frameMax - Frame.overhead, Int(UInt32.max))
        self.reserve(body.count + (body.count / most + 1) * Frame.overhead)
        var sent = 0
        while sent < body.count {
            let size = Swift.min(most, body.count - sent)
            self.append(Frame.body)
            self.appendUInt16(channel)
            self.appendUInt32(UInt32(size))
            self.append(bytes: UnsafeRawBufferPointer(rebasing: body[sent..<(sent + size)]))
            self.append(Frame.end)
            sent += size
        }
    }
}
