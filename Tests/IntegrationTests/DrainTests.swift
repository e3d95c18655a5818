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

private let plugin = MillracePlugin(name: "tests", [.sync("tests.accepting", Accepting.self)])

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
        try peer.serveSupervisor { frame in
            guard frame.methodID == .basicConsume else { return false }
            stop()
            // A worker that gives up would close its channel.
            #expect(try !peer.comesSomething(within: .seconds(1)))
            try peer.startConsumer(frame, messages: Self.messages)
            return true
        }
    }
}
