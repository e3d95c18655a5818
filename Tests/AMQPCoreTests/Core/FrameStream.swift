import AMQPCore
import AMQPWire

/// Encodes what a server sends, frame by frame.
struct FrameStream {
    static let frameMax = 4096
    private(set) var octets: [UInt8] = []

    private mutating func add(_ encode: (inout WireBuffer) throws -> Void) throws {
        var buffer = WireBuffer()
        try encode(&buffer)
        buffer.withUnsafeBytes { self.octets.append(contentsOf: $0) }
    }

    mutating func method(_ method: some AMQPMethod, channel: UInt16) throws {
        try self.add { try $0.appendMethodFrame(method, channel: channel, frameMax: Self.frameMax) }
    }

    mutating func deliver(_ tag: UInt64, _ body: [UInt8], channel: UInt16) throws {
        try self.add { buffer in
            try body.withUnsafeBytes {
                try buffer.appendContentFrames(
                    BasicDeliver(
                        consumerTag: "c\(channel)",
                        deliveryTag: tag,
                        redelivered: tag % 2 == 0,
                        exchange: "e",
                        routingKey: "k"
                    ),
                    properties: BasicProperties(messageID: "\(tag)"),
                    body: $0,
                    channel: channel,
                    frameMax: Self.frameMax
                )
            }
        }
    }

    /// The frames of one delivery, to be mixed with those of other channels.
    static func frames(_ tag: UInt64, _ body: [UInt8], channel: UInt16) throws -> [[UInt8]] {
        var stream = FrameStream()
        try stream.deliver(tag, body, channel: channel)
        var frames: [[UInt8]] = []
        var position = 0
        while position < stream.octets.count {
            let size = stream.octets[(position + 3)..<(position + 7)].reduce(0) { $0 << 8 | Int($1) }
            frames.append(Array(stream.octets[position..<(position + size + 8)]))
            position += size + 8
        }
        return frames
    }

    mutating func heartbeat() throws { try self.add { $0.appendHeartbeat() } }
    mutating func raw(_ octets: [UInt8]) { self.octets += octets }
}

/// A driver that knows two open channels and writes down what the reader tells it.
final class RecordingDelegate: InboundDelegate {
    let lanes: [Lane]
    let mailboxes: [Mailbox]
    private(set) var methods: [MethodID] = []

    init(channels: Int = 2) {
        self.mailboxes = (0..<channels).map { _ in Mailbox() }
        self.lanes = self.mailboxes.enumerated().map { index, mailbox in
            mailbox.attach(UInt64(index + 1))
            let lane = Lane(number: UInt16(index + 1), incarnation: UInt64(index + 1), mailbox: mailbox)
            lane.isOpen = true
            return lane
        }
    }

    func lane(for number: UInt16) -> Lane? { self.lanes.first { $0.number == number } }

    func methodReceived(channel: UInt16, lane: Lane?, payload: UnsafeRawBufferPointer) throws(InboundFailure) {
        do throws(WireError) {
            self.methods.append(try Method.decode(payload).id)
        } catch {
            throw InboundFailure(code: error.replyCode, text: error.message)
        }
    }

    func getOkReceived(lane: Lane) throws(InboundFailure) -> Bool { true }

    /// What came for a channel: tag and body of each delivery, in order.
    func deliveries(_ channel: Int) throws -> [(tag: UInt64, body: [UInt8])] {
        var inbox = Inbox()
        guard self.mailboxes[channel - 1].take(into: &inbox, until: 0) else { return [] }
        return try inbox.batches.flatMap { batch in
            try batch.records.map { record in
                let delivery = Delivery(block: batch.block, record: record)
                let envelope = try delivery.envelope
                guard envelope == Envelope(consumerTag: "c\(channel)", exchange: "e", routingKey: "k"),
                    try delivery.properties.messageID == "\(delivery.deliveryTag)",
                    delivery.redelivered == (delivery.deliveryTag % 2 == 0)
                else { throw WireError(.badProperties, "another envelope: \(envelope)") }
                return (delivery.deliveryTag, delivery.body)
            }
        }
    }
}

extension Block {
    /// A block with a copy of the octets, as a read would give it.
    static func copy(of octets: some Collection<UInt8>) -> Block {
        let storage = Array(octets).withUnsafeBytes {
            ContentStorage(method: $0, header: UnsafeRawBufferPointer(start: nil, count: 0), bodyLength: 0)
        }
        return Block(storage)
    }
}
