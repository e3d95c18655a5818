import AMQPClient
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Acking: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "slow", [.sync("slow.acking", Acking.self)])

/// A supervisor whose broker takes the TCP connection and says nothing.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct SlowConnectTests {
    @Test func `a supervisor that is connecting stops when it is told to, not at connect_timeout`() throws {
        let (isThere, isOver) = (Latch(), Latch())
        try PeerListener.run { _ in
            isThere.open()
            _ = isOver.wait()
        } client: { endpoint in
            let text = """
                version: 1
                connection: { uri: "amqp://127.0.0.1:\(endpoint.port)", connect_timeout: 50s }
                jobs: { work: { queue: q, handler: slow.acking } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let began = MonotonicClock.now()
            let status = try supervisor.whileRunning { #expect(isThere.wait()) }
            #expect(status == .clean)
            #expect(MonotonicClock.now() - began < 40_000_000_000)
            isOver.open()
        }
    }
}
