import AMQPCore
import AMQPWire

/// Feeds an ``InboundReader`` and writes down what comes out, as values.
final class InboundProbe: InboundDelegate {
    struct Content: Equatable {
        let channel: UInt16
        let tag: UInt64
        let redelivered: Bool
        let type: String?
        let body: [UInt8]
    }
    struct Seen: Equatable {
        /// In order within each channel.
        var contents: [Content] = []
        var methods: [String] = []
        func bodies(_ channel: UInt16) -> [[UInt8]] { self.contents.filter { $0.channel == channel }.map(\.body) }
    }

    /// What a read points into.
    private final class Memory {
        let bytes: UnsafeMutableRawBufferPointer
        init(_ octets: [UInt8]) {
            self.bytes = .allocate(byteCount: octets.count, alignment: 1)
            self.bytes.copyBytes(from: octets)
        }
        deinit { self.bytes.deallocate() }
    }

    private var lanes: [UInt16: Lane] = [:]
    private var methods: [String] = []

    private init(opening: Set<UInt16>) {
        for number: UInt16 in 1...3 {
            let mailbox = Mailbox()
            mailbox.attach(1)
            let lane = Lane(number: number, incarnation: 1, mailbox: mailbox)
            lane.isOpen = !opening.contains(number)
            self.lanes[number] = lane
        }
    }

    /// Reads the parts one after the other, on channels 1...3.
    static func read(
        _ parts: [[UInt8]],
        frameMax: Int,
        bodyLimit: Int = 1 << 20,
        opening: Set<UInt16> = []
    ) -> Result<Seen, InboundFailure> {
        let probe = InboundProbe(opening: opening)
        let reader = InboundReader(frameMax: frameMax, bodyLimit: bodyLimit)
        do throws(InboundFailure) {
            for part in parts where !part.isEmpty {
                let memory = Memory(part)
                try reader.read(Block(bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory), delegate: probe)
            }
        } catch {
            return .failure(error)
        }
        return .success(probe.seen())
    }

    private func seen() -> Seen {
        var seen = Seen(methods: self.methods)
        for number: UInt16 in 1...3 {
            var inbox = Inbox()
            guard self.lanes[number]?.mailbox.take(into: &inbox, until: 0) == true else { continue }
            for batch in inbox.batches {
                for record in batch.records {
                    let delivery = Delivery(block: batch.block, record: record)
                    let envelope = try? delivery.envelope
                    seen.contents.append(
                        Content(
                            channel: number,
                            tag: delivery.deliveryTag,
                            redelivered: delivery.redelivered,
                            type: envelope?.routingKey == "k" ? (try? delivery.properties)?.contentType : nil,
                            body: delivery.body
                        )
                    )
                }
            }
        }
        return seen
    }

    func lane(for number: UInt16) -> Lane? { self.lanes[number] }

    func methodReceived(channel: UInt16, lane: Lane?, payload: UnsafeRawBufferPointer) throws(InboundFailure) {
        guard payload.count >= 4 else { return }
        let id = MethodID(
            classID: UInt16(payload[0]) << 8 | UInt16(payload[1]),
            methodID: UInt16(payload[2]) << 8 | UInt16(payload[3])
        )
        self.methods.append("\(channel) \(id)")
    }

    func getOkReceived(lane: Lane) throws(InboundFailure) -> Bool { true }
}
