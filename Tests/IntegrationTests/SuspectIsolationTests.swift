import AMQPClient
import Foundation
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Seen {
    var now = 0
    var most = 0
    var isReleased = false
    var isHeld = false
    var gates: [AsyncStream<Void>.Continuation] = []
}
private let seen = Monitor(Seen())

/// The first three wait for each other, and keep what then stands in the crash ledger; later ones count who is beside them.
private struct Together: JobHandler {
    private let ledger: String
    private let copy: String

    init(_ options: HandlerOptions) throws {
        self.ledger = try options.string("ledger")
        self.copy = try options.string("copy")
    }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let isFirstRun = !FileManager.default.fileExists(atPath: self.copy)
        let (ledger, copy) = (self.ledger, self.copy)
        let (stream, gate) = AsyncStream<Void>.makeStream()
        let all = seen.withLock { seen in
            seen.now += 1
            seen.most = max(seen.most, seen.now)
            guard isFirstRun else { return false }
            seen.gates.append(gate)
            return seen.gates.count == 3
        }
        if all {
            try Data(contentsOf: URL(filePath: ledger)).write(to: URL(filePath: copy))
            for gate in seen.withLock({ $0.gates }) { gate.finish() }
        }
        if isFirstRun { for await _ in stream {} }
        for _ in 0..<10 { await Task.yield() }  // whoever may begin beside it does
        seen.withLock { $0.now -= 1 }
        return .ack
    }
}

/// Has its message in hand until the test lets it go.
private struct Occupied: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        seen.withLock { $0.isHeld = true }
        seen.broadcast()
        let _: Bool? = seen.wait(until: nil) { $0.isReleased ? true : nil }
        return .ack
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    [.async("tests.together", Together.self), .sync("tests.busy", Occupied.self)]
)

/// Suspects beside a job that always has something in hand, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct SuspectIsolationTests {
    private let queue = Broker.unique("isolation")

    private func supervisor(ledger: String, copy: String, once: Bool) throws -> TestSupervisor {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            crash_ledger: { path: "\(ledger)" }
            queues: { \(self.queue): {}, \(self.queue).busy: {} }
            jobs:
              suspects:
                queue: \(self.queue)
                handler: tests.together
                tasks_per_thread: 3
                with: { ledger: "\(ledger)", copy: "\(copy)" }
              busy: { queue: \(self.queue).busy, handler: tests.busy }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        return try TestSupervisor(file, [plugin.descriptor], once: once)
    }

    private func publish(_ queue: String, _ count: Int) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for number in 0..<count { try channel.publish([UInt8(number)], routingKey: queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    @Test func `suspects of a thread that crashed run alone on their worker; a busy job does not hold them up`() throws
    {
        let folder = try Scratch()
        let (first, second) = (folder.path + "/first.ledger", folder.path + "/second.ledger")
        let before = try self.supervisor(ledger: first, copy: second, once: true)
        try self.publish(self.queue, 3)
        #expect(before.run() == .clean)
        #expect(seen.withLock { $0.most } == 3)

        // As if the thread had crashed with the three in hand.
        let octets = try Array(Data(contentsOf: URL(filePath: second)))
        let image = try #require(octets.withUnsafeBytes { LedgerImage($0) })
        let thread = try #require(image.run.inHand.first?.thread)
        #expect(image.run.inHand.map(\.thread) == [thread, thread, thread])
        var mark = UInt64(SIGILL) << 32 | UInt64(thread)
        let file = try FileHandle(forUpdating: URL(filePath: second))
        try file.seek(toOffset: UInt64(LedgerLayout.Header.mark * 8))
        try file.write(contentsOf: Data(bytes: &mark, count: 8))
        try file.close()

        seen.withLock { $0.most = 0 }
        let after = try self.supervisor(ledger: second, copy: first + ".none", once: false)
        try FileManager.default.copyItem(atPath: second, toPath: first + ".none")  // no first run
        try self.publish(self.queue + ".busy", 1)
        try after.whileRunning {
            defer {
                seen.withLock { $0.isReleased = true }
                seen.broadcast()
            }
            let isHeld = seen.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0.isHeld ? true : nil }
            #expect(isHeld == true)
            try self.publish(self.queue, 3)
            #expect(after.wait { $0.counts.acked == 3 })
            #expect(after.status.map(\.counts.acked) == [3, 0])
        }
        #expect(seen.withLock { $0.most } == 1)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for queue in [self.queue, self.queue + ".busy"] { try channel.deleteQueue(queue) }
    }
}
