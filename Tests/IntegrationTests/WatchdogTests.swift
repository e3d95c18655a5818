import AMQPClient
import AMQPWire
import Logging
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Acking: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "watchdog", [.sync("watchdog.acking", Acking.self)])

/// "Connected, but nothing consumes": seen, said, and repaired.
@Suite(.timeLimit(.minutes(10)))
struct WatchdogTests {
    /// A supervisor on a thread of its own, and what it said about itself.
    private final class Run: Sendable {
        let readiness = Monitor<[Readiness]>([])
        let ended = Monitor<Millrace.ExitStatus?>(nil)

        /// Waits for a readiness like this one among those seen since the last wait.
        func wait(_ what: String, for isThere: (Readiness) -> Bool) throws {
            let found: Bool? = self.readiness.wait(until: MonotonicClock.deadline(in: Patience.long)) { seen in
                guard let index = seen.firstIndex(where: isThere) else { return nil }
                seen.removeFirst(index + 1)
                return true
            }
            try #require(found == true, "\(what): \(self.readiness.withLock { $0.last?.reasons ?? [] })")
        }
    }

    private func run(
        _ uri: String,
        queue: String,
        consumeTimeout: Duration,
        _ body: (Run) throws -> Void
    ) throws {
        let text = """
            version: 1
            connection:
              uri: "\(uri)"
              heartbeat: 0s
              recovery: { initial_interval: 20ms, max_interval: 20ms }
            jobs:
              work: { queue: \(queue), handler: watchdog.acking, threads: 2 }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        var registry = PluginRegistry()
        try registry.add(linkedIn: plugin.descriptor)
        let run = Run()
        let current = Monitor<Supervisor?>(nil)
        let supervisor = try Supervisor(
            file: file,
            registry: registry,
            options: SupervisorOptions(statusInterval: .milliseconds(1), consumeTimeout: consumeTimeout),
            logger: Broker.quiet
        ) { _ in
            guard let readiness = current.withLock({ $0 })?.readiness else { return }
            run.readiness.withLock { $0.append(readiness) }
            run.readiness.signal()
        }
        current.withLock { $0 = supervisor }
        let thread = try WorkerThread.start(name: "supervisor") {
            let status = supervisor.run()
            run.ended.withLock { $0 = status }
            run.ended.signal()
        }
        defer {
            supervisor.stop()
            thread.join()
            current.withLock { $0 = nil }
        }
        try body(run)
        supervisor.stop()
        #expect(run.ended.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 } == .clean)
    }

    /// One of the two may be opened again before it is the other's turn.
    private static func isOverdue(_ readiness: Readiness) -> Bool {
        let reasons = ["job 'work': 1 of 2 workers does not consume", "job 'work': 2 of 2 workers do not consume"]
        return readiness.reasons.count == 1 && reasons.contains(readiness.reasons[0])
    }

    @Test func `a consume-ok that never comes: not ready, the channel is opened again, then ready`() async throws {
        try await OwnThread.run {
            try PeerListener.run { peer in
                try Self.answer(peer, silentConsumes: 2)
            } client: { endpoint in
                try self.run("amqp://127.0.0.1:\(endpoint.port)", queue: "q", consumeTimeout: .milliseconds(300)) {
                    run in
                    try run.wait("overdue") { Self.isOverdue($0) }
                    try run.wait("ready") { $0.isReady }
                }
            }
        }
    }

    @Test func `an open-ok that never comes: the watchdog is heard, and the next channel consumes`() async throws {
        try await OwnThread.run {
            try PeerListener.run { peer in
                // The workers' channels, and the one that messages come back on, come after the one for the topology. No frame for five seconds fails the script.
                try peer.serveSupervisor { frame in frame.methodID == .channelOpen && (2...4).contains(frame.channel) }
            } client: { endpoint in
                try self.run("amqp://127.0.0.1:\(endpoint.port)", queue: "q", consumeTimeout: .milliseconds(300)) {
                    run in
                    try run.wait("overdue") { Self.isOverdue($0) }
                    try run.wait("ready") { $0.isReady }
                }
            }
        }
    }

    /// A broker that answers everything, but for the first few `basic.consume`.
    private static func answer(_ peer: ScriptedPeer, silentConsumes: Int) throws {
        var silent = silentConsumes
        try peer.serveSupervisor { frame in
            guard frame.methodID == .basicConsume, silent > 0 else { return false }
            silent -= 1
            return true
        }
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `C56: a queue deleted under its job and made again later: not ready in between`() async throws {
        try await OwnThread.run {
            let queue = Broker.unique("watched")
            let broker = try Broker.connect()
            let channel = try broker.openChannel()
            _ = try channel.declareQueue(queue)
            try self.run(try #require(Broker.uri), queue: queue, consumeTimeout: .milliseconds(300)) { run in
                try run.wait("ready") { $0.isReady }
                try channel.deleteQueue(queue)
                try run.wait("overdue") { Self.isOverdue($0) }
                _ = try channel.declareQueue(queue)
                try run.wait("ready again") { $0.isReady }
            }
            try channel.deleteQueue(queue)
            broker.close()
        }
    }
}
