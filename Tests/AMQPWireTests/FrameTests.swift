import AMQPWire
import Testing

@Suite struct FrameTests {
    static let publish = BasicPublish(exchange: "x", routingKey: "k")
    static let properties = BasicProperties(deliveryMode: 2)

    static func content(
        _ method: some AMQPMethod = publish,
        _ properties: BasicProperties = properties,
        bodyBytes: Int,
        frameMax: Int
    ) throws -> [UInt8] {
        let body = (0..<bodyBytes).map { UInt8(truncatingIfNeeded: $0) }
        return try written { buffer in
            try body.withUnsafeBytes { bytes throws in
                try buffer.appendContentFrames(
                    method,
                    properties: properties,
                    body: bytes,
                    channel: 7,
                    frameMax: frameMax
                )
            }
        }
    }

    /// Appends to a buffer that holds something, and returns the error; the buffer must be as before.
    static func refused(_ append: (inout WireBuffer) throws(WireError) -> Void) -> WireError? {
        var buffer = WireBuffer()
        buffer.appendHeartbeat()
        do {
            try append(&buffer)
            return nil
        } catch {
            #expect(buffer.octets == octets("08 0000 00000000 CE"))
            return error
        }
    }

    @Test func `C1: the protocol header`() {
        #expect(Frame.protocolHeader == octets("'AMQP' 00000901"))
    }

    @Test func `C16: a heartbeat is type 8, channel 0, empty`() {
        #expect(written { $0.appendHeartbeat() } == octets("08 0000 00000000 CE"))
    }

    @Test func `C19: a method frame is type, channel, size, payload, end`() throws {
        let frame = try written { buffer in
            try buffer.appendMethodFrame(ChannelOpen(), channel: 0x0102, frameMax: 4096)
        }
        #expect(frame == octets("01 0102 00000005 | 0014 000A 00 | CE"))
    }

    @Test func `ack, nack and reject are the frames their methods make`() throws {
        let tag: UInt64 = 0x0102_0304_0506_0708
        for (first, second) in [(false, false), (false, true), (true, false), (true, true)] {
            let fast = written { buffer in
                buffer.append(0)  // an odd start: the stores must not need alignment
                buffer.appendAck(channel: 0x1112, deliveryTag: tag, multiple: first)
                buffer.appendNack(channel: 0x1112, deliveryTag: tag, multiple: first, requeue: second)
                buffer.appendReject(channel: 0x1112, deliveryTag: tag, requeue: second)
            }
            let slow = try written { buffer in
                buffer.append(0)
                let ack = BasicAck(deliveryTag: tag, multiple: first)
                try buffer.appendMethodFrame(ack, channel: 0x1112, frameMax: 21)
                let nack = BasicNack(deliveryTag: tag, multiple: first, requeue: second)
                try buffer.appendMethodFrame(nack, channel: 0x1112, frameMax: 21)
                let reject = BasicReject(deliveryTag: tag, requeue: second)
                try buffer.appendMethodFrame(reject, channel: 0x1112, frameMax: 21)
            }
            #expect(fast == slow)
            #expect(fast.count == 1 + 3 * 21)
        }
    }

    @Test(arguments: [1, 2, 3], [-1, 0, 1])
    func `C19: a body of k times frame-max less 8, and one more or less, is split to fit`(k: Int, off: Int) throws {
        let frameMax = 4096
        let bodyBytes = k * (frameMax - 8) + off
        let frames = try #require(SplitFrame.split(try Self.content(bodyBytes: bodyBytes, frameMax: frameMax)))
        #expect(frames.map(\.type) == [1, 2] + Array(repeating: 3, count: off == 1 ? k + 1 : k))
        #expect(frames.allSatisfy { $0.channel == 7 && $0.payload.count + 8 <= frameMax })
        let bodies = frames.dropFirst(2).map(\.payload)
        #expect(bodies.dropLast().allSatisfy { $0.count == frameMax - 8 })
        #expect(bodies.flatMap(\.self) == (0..<bodyBytes).map { UInt8(truncatingIfNeeded: $0) })
        #expect(try frames[1].payload.withUnsafeBytes { try ContentHeader.peekBodySize($0) } == UInt64(bodyBytes))
    }

    @Test func `C23: an empty body has a header of size 0 and no body frame`() throws {
        #expect(
            try Self.content(bodyBytes: 0, frameMax: 4096)
                == octets(
                    """
                    01 0007 0000000B | 003C 0028 0000 01'x' 01'k' 00 | CE
                    02 0007 0000000F | 003C 0000 0000000000000000 1000 02 | CE
                    """
                )
        )
    }

    @Test func `a short message is three frames in a row`() throws {
        #expect(
            try Self.content(bodyBytes: 2, frameMax: 4096)
                == octets(
                    """
                    01 0007 0000000B | 003C 0028 0000 01'x' 01'k' 00 | CE
                    02 0007 0000000F | 003C 0000 0000000000000002 1000 02 | CE
                    03 0007 00000002 | 0001 | CE
                    """
                )
        )
    }

    @Test func `C20: a method of exactly frame-max is taken, one octet more leaves the buffer unchanged`() throws {
        // 44 octets of frame and arguments beside the text.
        let fits = ConnectionStartOk(mechanism: "PLAIN", response: [UInt8](repeating: 1, count: 4064), locale: "en_US")
        let whole = try written { try $0.appendMethodFrame(fits, channel: 0, frameMax: 4096) }
        #expect(whole.count == 4096)
        let error = Self.refused { buffer throws(WireError) in
            try buffer.appendMethodFrame(fits, channel: 0, frameMax: 4095)
        }
        let message = "connection.start-ok: the method needs a frame of 4096 octets; frame-max is 4095"
        #expect(error == WireError(.frameTooLarge, message))
    }

    @Test func `C20 C27: content that cannot be written leaves the buffer unchanged`() {
        let cases: [(BasicPublish, BasicProperties, WireError.Kind)] = [
            (Self.publish, BasicProperties(headers: ["h": .bytes([UInt8](repeating: 0, count: 4096))]), .frameTooLarge),
            (Self.publish, BasicProperties(messageID: String(repeating: "m", count: 256)), .stringTooLong),
            (BasicPublish(routingKey: String(repeating: "k", count: 256)), Self.properties, .stringTooLong),
        ]
        for (method, properties, kind) in cases {
            let error = Self.refused { buffer throws(WireError) in
                try buffer.appendContentFrames(
                    method,
                    properties: properties,
                    body: UnsafeRawBufferPointer(start: nil, count: 0),
                    channel: 1,
                    frameMax: 4096
                )
            }
            #expect(error?.kind == kind)
        }
    }

    @Test(arguments: [0, 7, 8, 18, -1, Int.min])
    func `a frame-max too small for anything is an error, not a loop`(frameMax: Int) {
        let error = #expect(throws: WireError.self) { try Self.content(bodyBytes: 10, frameMax: frameMax) }
        #expect(error?.kind == .frameTooLarge)
    }

    @Test func `a frame-max without a limit is one body frame`() throws {
        let frames = SplitFrame.split(try Self.content(bodyBytes: 300_000, frameMax: Int.max))
        #expect(frames?.count == 3)
    }

    @Test func `content on a method that carries none is refused`() {
        let error = #expect(throws: WireError.self) {
            try Self.content(QueueDeclare(), bodyBytes: 1, frameMax: 4096)
        }
        #expect(error == WireError(.notContent, "queue.declare carries no content"))
    }
}
