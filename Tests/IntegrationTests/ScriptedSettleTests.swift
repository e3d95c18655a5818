import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Gives the outcome that a message's octet says.
private struct Outcomes: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        switch message.bodyBytes.first {
        case 1: .requeue
        case 2: .snooze(.zero)
        case 3: .reject("not for us")
        case 4: .retry(String(repeating: "x", count: 2000))
        default: .ack
        }
    }
}

/// Gives all of a batch back.
private struct Back: BatchHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        batch.verdicts().rest(.requeue)
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    [.sync("tests.outcomes", Outcomes.self), .batch("tests.back", Back.self)]
)

/// What is sent for messages that did not succeed, against a scripted broker.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct ScriptedSettleTests {
    /// Answers a `basic.consume` and gives these messages out.
    private static func consume(
        _ frame: PeerFrame,
        _ peer: ScriptedPeer,
        _ bodies: [UInt8],
        _ properties: BasicProperties = BasicProperties()
    ) throws {
        let tag = try frame.method(BasicConsume.self).consumerTag
        try peer.send(BasicConsumeOk(consumerTag: tag), on: frame.channel)
        for (index, body) in bodies.enumerated() {
            let deliver = BasicDeliver(consumerTag: tag, deliveryTag: UInt64(index) + 1, exchange: "", routingKey: "q")
            try peer.sendContent(deliver, [body], on: frame.channel, properties: properties)
        }
    }

    @Test func `a message whose copy is refused is given back, which counts toward no delivery limit`() throws {
        let counts = try ScriptedJob.run("handler: tests.outcomes", plugin: plugin.descriptor) { peer, stop in
            try peer.serveSupervisor(awaiting: 4) { frame in
                switch frame.methodID {
                case .basicConsume: try Self.consume(frame, peer, [3])
                case nil where frame.type == Frame.body: try peer.send(BasicNack(deliveryTag: 1), on: frame.channel)
                case nil, .basicPublish: break
                case .basicNack:
                    #expect(try frame.method(BasicNack.self).requeue)
                    stop()
                case .basicReject:
                    Issue.record("a reject counts")
                    stop()
                default: return false
                }
                return true
            }
        }
        #expect(counts.givenBack == 1)
        #expect(counts.requeued == 0)
    }

    @Test func `without acks a message that is to come again comes as a copy`() throws {
        let job = "handler: tests.outcomes, ack: none, publish: { mode: none }"
        let counts = try ScriptedJob.run(job, plugin: plugin.descriptor) { peer, stop in
            var copies: UInt64 = 0
            try peer.serveSupervisor(awaiting: 4) { frame in
                switch frame.methodID {
                case .basicConsume: try Self.consume(frame, peer, [1, 2])
                case .basicPublish: #expect(try frame.method(BasicPublish.self).routingKey == "q.delay.0s")
                case nil where frame.type == Frame.body:
                    copies += 1
                    try peer.send(BasicAck(deliveryTag: copies), on: frame.channel)
                    if copies == 2 { stop() }
                case nil: break
                default: return false
                }
                return true
            }
        }
        #expect(counts.snoozed == 2)
        #expect(counts.givenBack == 0)
        #expect(counts.lost == 0)
    }

    @Test func `without acks a drain works off what comes behind a failure, and counts what is lost`() throws {
        let job = "handler: tests.outcomes, ack: none, publish: { mode: none }"
        let counts = try ScriptedJob.run(job, plugin: plugin.descriptor) { peer, stop in
            try peer.serveSupervisor(awaiting: 4) { frame in
                switch frame.methodID {
                case .basicConsume:
                    stop()
                    // A worker that gives up closes its channel, and nothing of what comes is counted.
                    _ = try peer.comesSomething(within: .milliseconds(500))
                    try Self.consume(frame, peer, [3, 0, 0])
                case .confirmSelect:
                    try peer.send(ChannelClose(replyCode: 540, replyText: "NOT_IMPLEMENTED"), on: frame.channel)
                case .channelCloseOk: break
                default: return false
                }
                return true
            }
        }
        #expect(counts.received == 3)
        #expect(counts.acked == 2)
        #expect(counts.lost == 1)
    }

    @Test func `a copy whose headers do not fit into a frame goes without the note of its failure`() throws {
        let counts = try ScriptedJob.run("handler: tests.outcomes", plugin: plugin.descriptor) { peer, stop in
            var properties = BasicProperties()
            properties.headers = ["filler": .string(String(repeating: "f", count: 7600))]
            try peer.serveSupervisor(awaiting: 4) { frame in
                switch frame.methodID {
                case .basicConsume: try Self.consume(frame, peer, [4], properties)
                case .basicPublish: break
                case nil where frame.type == Frame.header:
                    let header = try frame.payload.withUnsafeBytes { bytes throws in try ContentHeader.decode(bytes) }
                    #expect(header.properties.headers?["millrace-attempt"]?.intValue == 2)
                    #expect(header.properties.headers?["filler"] != nil)
                case nil: try peer.send(BasicAck(deliveryTag: 1), on: frame.channel)
                case .basicAck, .basicNack: stop()
                default: return false
                }
                return true
            }
        }
        #expect(counts.retried == 1)
        #expect(counts.givenBack == 0)
    }

    @Test func `what the broker refuses copies of goes back with one frame`() throws {
        let nacks = Monitor<[BasicNack]>([])
        let counts = try ScriptedJob.run("handler: say.sync", plugin: Saying.plugin.descriptor) { peer, stop in
            var copies: UInt64 = 0
            try peer.serveSupervisor(awaiting: 4) { frame in
                switch frame.methodID {
                case .basicConsume: try peer.startConsumer(frame, bodies: (0..<10).map { _ in Array("reject".utf8) })
                case .basicPublish: copies += 1
                case nil where frame.type == Frame.body && copies == 10:
                    try peer.send(BasicNack(deliveryTag: 10, multiple: true), on: frame.channel)
                case nil: break
                case .basicNack:
                    let nack = try frame.method(BasicNack.self)
                    nacks.withLock { $0.append(nack) }
                    stop()
                default: return false
                }
                return true
            }
        }
        #expect(counts.givenBack == 10)
        #expect(nacks.withLock { $0 } == [BasicNack(deliveryTag: 10, multiple: true, requeue: true)])
    }

    @Test func `of a batch what goes back goes with one frame`() throws {
        let nacks = Monitor<[BasicNack]>([])
        let counts = try ScriptedJob.run(
            "handler: tests.back, batch: { size: 10, timeout: 1h }",
            plugin: plugin.descriptor
        ) { peer, stop in
            try peer.serveSupervisor(awaiting: 4) { frame in
                switch frame.methodID {
                case .basicConsume: try peer.startConsumer(frame, messages: 10)
                case .basicNack:
                    let nack = try frame.method(BasicNack.self)
                    nacks.withLock { $0.append(nack) }
                    stop()
                default: return false
                }
                return true
            }
        }
        #expect(counts.givenBack == 10)
        #expect(nacks.withLock { $0 } == [BasicNack(deliveryTag: 10, multiple: true, requeue: true)])
    }

    @Test func `C51: with --once nothing is asked of a broker that blocks the connection`() throws {
        let log = RecordedLog()
        _ = try ScriptedJob.run(
            "handler: tests.outcomes",
            plugin: plugin.descriptor,
            once: true,
            logger: log.logger,
            endsAs: .abandoned
        ) { peer, stop in
            var isBlocked = false
            try peer.serveSupervisor(awaiting: 4) { frame in
                if !isBlocked { try peer.send(ConnectionBlocked(reason: "memory"), on: 0) }
                isBlocked = true
                guard frame.methodID == .basicConsume else { return false }
                try Self.consume(frame, peer, [])
                #expect(try !peer.comesSomething(within: .milliseconds(1500)))
                stop()
                return true
            }
        }
        #expect(log.lines("nobody knows what is left in a queue").count == 1)
    }
}
