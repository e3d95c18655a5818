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

private struct AcceptingAll: BatchHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts { batch.all(.ack) }
}

private let plugin = MillracePlugin(
    name: "tests",
    [.sync("tests.accepting", Accepting.self), .batch("tests.accepting_all", AcceptingAll.self)]
)

/// Which acks share a frame, and what careless plugins get, against a scripted broker.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct BatchedAckTests {
    private static let messages: UInt64 = 12

    // A slow machine may need one frame more: acks wait a millisecond for others, no longer.
    @Test(arguments: [
        ("tests.accepting", "prefetch: 20", 12...12),
        ("tests.accepting", "ack: { batch: 4 }", 3...8),
        ("tests.accepting_all", "batch: { size: 12, timeout: 1h }", 1...2),
        ("tests.accepting_all", "batch: { size: 4, timeout: 1h }", 3...6),
    ])
    func `acks share a frame as far as the job says`(_ handler: String, _ job: String, _ frames: ClosedRange<Int>)
        throws
    {
        let (counts, acks) = try self.run("handler: \(handler), \(job)", plugin.descriptor)
        #expect(counts.acked == Int(Self.messages))
        #expect(frames.contains(acks.count), "\(acks.map(\.deliveryTag))")
        #expect(acks.last?.deliveryTag == Self.messages)
    }

    @Test(arguments: [("tests.forgetful", 6), ("tests.lonely", 12)])
    func `a message that its plugin forgets, or wants alone when it is, has failed`(
        _ handler: String,
        _ failures: Int
    ) throws {
        let job = "handler: \(handler), on_failure: discard, batch: { size: 12, timeout: 1h }"
        let (counts, _) = try self.run(job, CarelessBatchPlugin.descriptor)
        #expect(counts.discarded == failures)
        #expect(counts.acked == Int(Self.messages) - failures)
    }

    /// Gives all messages out at once; the acks that come for them.
    private func run(
        _ job: String,
        _ plugin: PluginDescriptor
    ) throws -> (JobCounts, [BasicAck]) {
        let acks = Monitor<[BasicAck]>([])
        let running = Monitor<TestSupervisor?>(nil)
        let counts = try PeerListener.run { peer in
            try Self.answer(peer, acks) { running.withLock { $0 }?.stop() }
        } client: { endpoint -> JobCounts in
            let text = """
                version: 1
                connection: { uri: "amqp://127.0.0.1:\(endpoint.port)" }
                jobs: { work: { queue: q, \(job) } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin])
            running.withLock { $0 = supervisor }
            #expect(supervisor.run() == .clean)
            return supervisor.counts
        }
        return (counts, acks.withLock { $0 })
    }

    private static func answer(_ peer: ScriptedPeer, _ acks: Monitor<[BasicAck]>, stop: () -> Void) throws {
        try peer.serveSupervisor { frame in
            switch frame.methodID {
            case .basicConsume: try peer.startConsumer(frame, messages: Self.messages)
            case .basicAck:
                let ack = try frame.method(BasicAck.self)
                acks.withLock { $0.append(ack) }
                if acks.withLock({ $0.reduce(0) { $1.multiple ? max($0, $1.deliveryTag) : $0 + 1 } }) >= Self.messages {
                    stop()
                }
            default: return false
            }
            return true
        }
    }
}
