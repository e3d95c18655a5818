import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// Whatever clients do: each message is in one place, or gone for a reason that was counted.
@Suite struct RandomSequenceTests {
    private static let queues = ["a", "b", "c", "d"]

    @Test func `no message is lost, none is there twice`() throws {
        var seed = Seed()
        for _ in 0..<40 {
            let rig = Rig()
            var clients: [RigClient] = []
            for step in 0..<400 {
                if clients.count < 3 {
                    let client = try rig.connect()
                    try client.open(1, 2)
                    try self.declare(client)
                    clients.append(client)
                }
                let place = Int.random(in: 0..<clients.count, using: &seed)
                try self.step(rig, clients[place], &seed)
                if clients[place].isClosed { clients.remove(at: place) }
                let message = Comment("step \(step), \(seed.replay)")
                try #require(self.isConserved(rig), message)
                let countsAgree = rig.broker.countsAgree
                try #require(countsAgree, message)
            }
        }
    }

    /// Put into queues is: there, held, or gone by ack, death or purge.
    private func isConserved(_ rig: Rig) -> Bool {
        let counts = rig.broker.counts
        let there = rig.broker.queues().reduce(0) { $0 + $1.ready + $1.unacked }
        return counts.enqueued == there + counts.acked + counts.dead + counts.purged
    }

    private func declare(_ client: RigClient) throws {
        let arguments: [FieldTable] = [
            [:], ["x-max-length": 3, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "a"],
            ["x-message-ttl": 20, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "d"],
            ["x-max-priority": 3, "x-max-length": 4, "x-overflow": "reject-publish"],
        ]
        for (queue, arguments) in zip(Self.queues, arguments) {
            try client.send(QueueDeclare(queue: queue, arguments: arguments), on: 2)
        }
        _ = client.takeSeen()
    }

    private func step(_ rig: Rig, _ client: RigClient, _ seed: inout Seed) throws {
        let queue = Self.queues.randomElement(using: &seed) ?? "a"
        let channel = UInt16.random(in: 1...2, using: &seed)
        let tag = UInt64.random(in: 0...4, using: &seed)
        let (first, second) = (Bool.random(using: &seed), Bool.random(using: &seed))
        switch Int.random(in: 0..<40, using: &seed) {
        case 0..<16:
            let properties = BasicProperties(priority: UInt8(tag), expiration: first && second ? "10" : nil)
            try client.publish([UInt8(tag)], to: queue, mandatory: first, properties: properties, on: channel)
        case 16..<20: try client.send(BasicGet(queue: queue, noAck: first), on: channel)
        case 20..<23: try client.send(BasicConsume(queue: queue, noAck: first && second), on: channel)
        case 23..<27: try client.send(BasicAck(deliveryTag: tag, multiple: first), on: channel)
        case 27..<29:
            try client.send(BasicNack(deliveryTag: tag, multiple: first, requeue: second), on: channel)
        case 29: try client.send(BasicReject(deliveryTag: tag, requeue: second), on: channel)
        case 30: try client.send(BasicRecover(requeue: true), on: channel)
        case 31: try client.send(BasicQos(prefetchCount: UInt16(tag), global: first), on: channel)
        case 32: try client.send(TxSelect(), on: channel)
        case 33...34: try client.send(TxCommit(), on: channel)
        case 35: try client.send(TxRollback(), on: channel)
        case 36: try client.send(QueuePurge(queue: queue), on: channel)
        case 37: if first, second { try client.send(QueueDelete(queue: queue), on: channel) }
        case 38: rig.pass(tag * 4)
        default:
            if first, second {
                rig.broker.disconnect(client.id, now: rig.now)
                client.isClosed = true
            }
        }
        try self.answerCloses(client)
    }

    private func answerCloses(_ client: RigClient) throws {
        for seen in client.takeSeen() where !client.isClosed {
            switch seen.method {
            case .channelClose:
                try client.send(ChannelCloseOk(), on: seen.channel)
                try client.send(ChannelOpen(), on: seen.channel)
            case .connectionClose: try client.send(ConnectionCloseOk(), on: 0)
            default: continue
            }
        }
    }
}
