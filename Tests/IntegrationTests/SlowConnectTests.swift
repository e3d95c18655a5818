import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Acking: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "slow", [.sync("slow.acking", Acking.self)])

/// A supervisor whose broker takes the TCP connection, or also the login, and then says nothing.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct SlowConnectTests {
    /// Seconds after which a stop has waited for `connect_timeout` or for a request's timeout.
    private static let limit: UInt64 = 25

    private func stop(whenSilent script: @escaping @Sendable (ScriptedPeer, () -> Void) throws -> Void) throws {
        let (isSilent, isOver) = (Latch(), Latch())
        try PeerListener.run { peer in
            try script(peer) {
                isSilent.open()
                _ = isOver.wait()
            }
        } client: { endpoint in
            defer { isOver.open() }
            let text = """
                version: 1
                connection: { uri: "amqp://127.0.0.1:\(endpoint.port)", connect_timeout: 50s }
                queues: { q: {} }
                jobs: { work: { queue: q, handler: slow.acking } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let began = MonotonicClock.now()
            let status = try supervisor.whileRunning { #expect(isSilent.wait()) }
            #expect(status == .clean)
            #expect(MonotonicClock.now() - began < Self.limit * 1_000_000_000)
        }
    }

    @Test func `a supervisor that is connecting stops when it is told to, not at connect_timeout`() throws {
        try self.stop { _, fallsSilent in fallsSilent() }
    }

    @Test func `a supervisor that declares its queues stops when it is told to, not when the broker answers`() throws {
        // The connection's end meets the end of the run, whose event loop it needs: at another point each time.
        for _ in 0..<50 {
            try self.stop { peer, fallsSilent in
                try peer.handshake()
                try peer.openChannels(1)
                try peer.expect(QueueDeclare.self, on: 1)
                fallsSilent()
            }
        }
    }
}
