import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Accepting: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

/// Succeeds with a message when it is asked to end, not before.
private struct Staying: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        self.gate.note("begun")
        while !context.isCancelled { Busy.block(for: .milliseconds(1)) }
        return .ack
    }
}

/// Does not come back from where it is told to stay: its init or its deinit.
private final class Stuck: SyncJobHandler {
    private let gate: Gate
    private let place: String
    init(_ options: HandlerOptions) throws {
        self.gate = gateNamed(try options.string("gate"))
        self.place = try options.string("in")
        self.stay(in: "init")
    }
    deinit { self.stay(in: "deinit") }

    private func stay(in place: String) {
        guard self.place == place else { return }
        self.gate.note(place)
        self.gate.stayUntilOpen()
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(
    name: "tests",
    [
        .sync("tests.accepting", Accepting.self), .sync("tests.staying", Staying.self),
        .sync("tests.stuck", Stuck.self),
    ]
)

/// A drain that comes at a bad moment, against a scripted broker.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct DrainTests {
    private static let messages: UInt64 = 3

    @Test func `without acks a drain waits for consume-ok, and works off what comes with it`() throws {
        let running = Monitor<TestSupervisor?>(nil)
        let counts = try PeerListener.run { peer in
            try Self.answer(peer) { running.withLock { $0 }?.stop() }
        } client: { endpoint -> JobCounts in
            let text = """
                version: 1
                connection: { uri: "amqp://127.0.0.1:\(endpoint.port)" }
                jobs: { work: { queue: q, handler: tests.accepting, ack: none, publish: { mode: none } } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            running.withLock { $0 = supervisor }
            #expect(supervisor.run() == .clean)
            return supervisor.counts
        }
        #expect(counts.acked == Int(Self.messages))
    }

    /// A broker that answers everything, and `basic.consume` only when the drain has begun.
    private static func answer(_ peer: ScriptedPeer, stop: () -> Void) throws {
        try peer.serveSupervisor(awaiting: 4) { frame in
            guard frame.methodID == .basicConsume else { return false }
            stop()
            // A worker that gives up would close its channel.
            _ = try peer.comesSomething(within: .seconds(1))
            try peer.startConsumer(frame, messages: Self.messages)
            return true
        }
    }

    @Test func `what is not begun goes back with one frame, behind the cancel, and acks before it`() throws {
        let name = Broker.unique("drain")
        let gate = gateNamed(name)
        let frames = Monitor<[String]>([])
        let counts = try ScriptedJob.run(
            "handler: tests.staying, with: { gate: \(name) }",
            top: "shutdown_timeout: 50ms",
            plugin: plugin.descriptor
        ) { peer, stop in
            try peer.serveSupervisor { frame in
                switch frame.methodID {
                case .basicConsume:
                    try peer.startConsumer(frame, messages: 7)
                    _ = gate.waitForBegin("begun")
                    stop()
                    return true
                case .basicAck:
                    let ack = try frame.method(BasicAck.self)
                    frames.withLock { $0.append("ack \(ack.deliveryTag)") }
                    return true
                case .basicNack:
                    let nack = try frame.method(BasicNack.self)
                    frames.withLock { $0.append("nack \(nack.deliveryTag) \(nack.multiple) \(nack.requeue)") }
                    return true
                case .basicCancel:
                    frames.withLock { $0.append("cancel") }
                    return false
                default: return false
                }
            }
        }
        #expect(frames.withLock { $0 } == ["ack 1", "cancel", "nack 7 true true"])
        #expect(counts.acked == 1)
        #expect(counts.givenBack == 6)
    }

    @Test(arguments: [("3.10.8", "quorum", 0), ("4.3.0", "quorum", 1), ("3.10.8", "classic", 1)])
    func `a quorum queue gets it back from the channel's end, where a nack counts just like that`(
        version: String,
        type: String,
        nacks: Int
    ) throws {
        let seen = Monitor(0)
        let counts = try ScriptedJob.run(
            "handler: tests.accepting, prefetch: 10, rate_limit: { allowed: 1, interval: 1h }",
            top: "queues: { q: { type: \(type) } }",
            plugin: plugin.descriptor
        ) { peer, stop in
            let properties: FieldTable = ["product": .string("RabbitMQ"), "version": .string(version)]
            try peer.handshake(serverProperties: properties)
            try peer.serveOpenSupervisor { frame in
                switch frame.methodID {
                case .basicConsume: try peer.startConsumer(frame, messages: 7)
                case .basicAck: stop()
                case .basicNack: seen.withLock { $0 += 1 }
                default: return false
                }
                return true
            }
        }
        #expect(seen.withLock { $0 } == nacks)
        #expect(counts.acked == 1)
        #expect(counts.givenBack == 6)
    }

    @Test func `what a quorum queue sends behind the answer to the cancel, and to the close, counts as given back`()
        throws
    {
        let consumer = Monitor<(channel: UInt16, tag: String)?>(nil)
        @Sendable func send(_ tags: ClosedRange<UInt64>, _ peer: ScriptedPeer) throws {
            guard let (channel, consumerTag) = consumer.withLock({ $0 }) else { return }
            for tag in tags {
                let deliver = BasicDeliver(consumerTag: consumerTag, deliveryTag: tag, exchange: "", routingKey: "q")
                try peer.sendContent(deliver, [UInt8(tag)], on: channel)
            }
        }
        let counts = try ScriptedJob.run(
            "handler: tests.accepting, prefetch: 10, rate_limit: { allowed: 1, interval: 1h }",
            top: "queues: { q: { type: quorum } }",
            plugin: plugin.descriptor
        ) { peer, stop in
            try peer.handshake(serverProperties: ["product": .string("RabbitMQ"), "version": .string("3.10.8")])
            try peer.serveOpenSupervisor { frame in
                switch frame.methodID {
                case .basicConsume:
                    let tag = try frame.method(BasicConsume.self).consumerTag
                    consumer.withLock { $0 = (frame.channel, tag) }
                    try peer.startConsumer(frame, messages: 3)
                case .basicAck: stop()
                case .basicCancel:
                    let tag = try frame.method(BasicCancel.self).consumerTag
                    guard tag == consumer.withLock({ $0?.tag }) else { return false }
                    try peer.send(BasicCancelOk(consumerTag: tag), on: frame.channel)
                    try send(4...5, peer)
                case .channelClose where frame.channel == consumer.withLock { $0?.channel }:
                    try send(6...6, peer)
                    try peer.send(ChannelCloseOk(), on: frame.channel)
                default: return false
                }
                return true
            }
        }
        #expect(counts.acked == 1 && counts.received == 6)
        #expect(counts.givenBack == 5)
    }

    @Test(arguments: ["init", "deinit"])
    func `a handler that does not return from its init or deinit is left at the drain's time limits`(
        place: String
    ) throws {
        let name = Broker.unique("stuck")
        let gate = gateNamed(name)
        defer { gate.open() }
        let log = RecordedLog()
        let running = Monitor<TestSupervisor?>(nil)
        try PeerListener.run { peer in
            try peer.serveSupervisor { frame in
                guard frame.methodID == .basicConsume else { return false }
                running.withLock { $0 }?.stop()
                return false
            }
        } client: { endpoint in
            let text = """
                version: 1
                connection: { uri: "amqp://127.0.0.1:\(endpoint.port)" }
                shutdown_timeout: 50ms
                kill_timeout: 50ms
                jobs:
                  work: { queue: q, handler: tests.stuck, with: { gate: \(name), in: \(place) } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin.descriptor], logger: log.logger)
            running.withLock { $0 = supervisor }
            if place == "init" {
                let stopper = try WorkerThread.start(name: "stopper") {
                    _ = gate.waitForBegin("init")
                    supervisor.stop()
                }
                stopper.detach()
            }
            #expect(supervisor.run() == .abandoned)
        }
        #expect(log.lines("a handler's \(place) did not return; its thread is left").count == 1)
    }
}
