import AMQPWire

/// Frames behind octets that go out.
extension [UInt8] {
    mutating func appendMethod(_ method: some AMQPMethod, on channel: UInt16) {
        var buffer = WireBuffer(capacity: 128)
        // Texts were cut, names are as short as they came: it always fits.
        do throws(WireError) {
            try buffer.appendMethodFrame(method, channel: channel, frameMax: 1 << 20)
        } catch { return }
        buffer.withUnsafeBytes { self.append(contentsOf: $0) }
    }

    /// A method that hands a message out, with the message.
    ///
    /// - Parameters:
    ///   - id: The number of the method in class 60.
    ///   - lead: The arguments before exchange and routing key.
    ///   - message: What is handed out.
    ///   - header: Its content header.
    ///   - trail: The arguments behind them.
    ///   - channel: On which it goes out.
    ///   - frameMax: What a frame may have, in octets.
    mutating func appendContent(
        _ id: UInt8,
        lead: (inout [UInt8]) -> Void,
        _ message: Message,
        header: [UInt8],
        trail: [UInt8] = [],
        on channel: UInt16,
        frameMax: Int
    ) {
        self.reserve(message.body.count + header.count + message.address.count + 320)
        let start = self.count
        self.appendHead(Frame.method, channel, 0)
        self.append(0)
        self.append(60)
        self.append(0)
        self.append(id)
        lead(&self)
        self.append(contentsOf: message.address)
        self.append(contentsOf: trail)
        self.writeSize(self.count - start - Frame.headerSize, at: start + 3)
        self.append(Frame.end)
        self.appendHead(Frame.header, channel, header.count)
        self.append(contentsOf: header)
        self.append(Frame.end)
        self.appendBody(message.body, channel, frameMax - Frame.overhead)
    }

    private mutating func appendBody(_ body: [UInt8], _ channel: UInt16, _ most: Int) {
        if body.count <= most {
            guard !body.isEmpty else { return }
            self.appendHead(Frame.body, channel, body.count)
            self.append(contentsOf: body)
            self.append(Frame.end)
            return
        }
        var sent = 0
        while sent < body.count {
            let size = Swift.min(most, body.count - sent)
            self.appendHead(Frame.body, channel, size)
            self.append(contentsOf: body[sent..<sent + size])
            self.append(Frame.end)
            sent += size
        }
    }

    /// Room for more, grown by doubling.
    private mutating func reserve(_ more: Int) {
        let wanted = self.count + more
        if wanted > self.capacity { self.reserveCapacity(Swift.max(wanted, self.capacity * 2)) }
    }

    private mutating func appendHead(_ type: UInt8, _ channel: UInt16, _ size: Int) {
        self.append(type)
        self.append(UInt8(channel >> 8))
        self.append(UInt8(truncatingIfNeeded: channel))
        for shift in [24, 16, 8, 0] { self.append(UInt8(truncatingIfNeeded: size >> shift)) }
    }

    private mutating func writeSize(_ size: Int, at position: Int) {
        for (place, shift) in [24, 16, 8, 0].enumerated() {
            self[position + place] = UInt8(truncatingIfNeeded: size >> shift)
        }
    }

    mutating func appendBigEndian(_ number: UInt64) {
        var shift = 64
        while shift > 0 {
            shift -= 8
            self.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
    }

    /// `basic.ack` or `basic.nack` of the broker's own; a nack says `requeue`, which means nothing here, as RabbitMQ does.
    mutating func appendConfirm(_ tag: UInt64, multiple: Bool, isAck: Bool, on channel: UInt16) {
        self.appendHead(Frame.method, channel, 13)
        self.append(0)
        self.append(60)
        self.append(0)
        self.append(isAck ? 80 : 120)
        self.appendBigEndian(tag)
        self.append((multiple ? 1 : 0) | (isAck ? 0 : 2))
        self.append(Frame.end)
    }
}
