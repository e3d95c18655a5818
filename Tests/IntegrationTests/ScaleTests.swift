import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Noting: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        self.gate.note(String(decoding: message.bodyBytes, as: UTF8.self))
        return .ack
    }
}

private struct Other: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .discard("not wanted") }
}

private let plugin = MillracePlugin(
    name: "scale",
    [.sync("scale.note", Noting.self), .sync("scale.other", Other.self)]
)

/// A job whose number of threads and whose definition change while it runs.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct ScaleTests {
    private let queue = Broker.unique("scale")
    private let folder: Scratch
    private let log = RecordedLog()

    init() throws { self.folder = try Scratch() }

    private var gate: Gate { gateNamed(self.queue) }

    private func file(threads: Int = 2, prefetch: Int = 20, handler: String = "note") throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            crash_ledger: { path: "\(self.folder.path)/ledger" }
            jobs:
              work:
                { queue: \(self.queue), handler: scale.\(handler), with: { gate: \(self.queue) }, threads: \(threads), prefetch: \(prefetch) }
              other: { queue: \(self.queue).2, handler: scale.other, threads: 2 }

            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func run(_ body: (TestSupervisor, Channel) throws -> Void) throws -> Millrace.ExitStatus {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for queue in [self.queue, self.queue + ".2"] { _ = try channel.declareQueue(queue) }
        let supervisor = try TestSupervisor(try self.file(), [plugin.descriptor], logger: self.log.logger)
        let status = try supervisor.whileRunning {
            #expect(supervisor.wait { $0.consuming == 2 })
            #expect(supervisor.wait(job: 1) { $0.consuming == 2 })
            try body(supervisor, channel)
        }
        for queue in [self.queue, self.queue + ".2"] { try channel.deleteQueue(queue) }
        return status
    }

    /// The broker's names of the channels that consume the other job's queue.
    private func otherChannels() throws -> Set<String>? {
        guard let control = Broker.control else { return nil }
        let deadline = MonotonicClock.now() &+ 60_000_000_000
        while true {
            // RabbitMQ 3.10 ends this list early where a queue is deleted before its turn, as neighbours do.
            let rows = try control.list("list_consumers", "queue_name", "channel_pid")
            let found = rows.filter { $0.first == self.queue + ".2" }.compactMap(\.last)
            if found.count == 2 { return Set(found) }
            let isInTime = MonotonicClock.now() < deadline
            try #require(isInTime, "the broker lists \(found.count) consumers")
        }
    }

    @Test func `five hundred random changes under load: each message is handled once, and no other job notices`() throws
    {
        var generator = Seed()
        let count = 20_000
        let status = try self.run { supervisor, channel in
            let before = try self.otherChannels()
            try channel.selectConfirms()
            for change in 0..<500 {
                for number in 0..<(count / 500) {
                    try channel.publish(Array("\(change * (count / 500) + number)".utf8), routingKey: self.queue)
                }
                let command: Command
                if Bool.random(using: &generator) {
                    command = .setThreads(job: "work", threads: Int.random(in: 1...6, using: &generator))
                } else {
                    let file = try self.file(
                        threads: Int.random(in: 1...6, using: &generator),
                        prefetch: Int.random(in: 1...50, using: &generator)
                    )
                    command = .setDefinition(try #require(file.jobs.first))
                }
                #expect(supervisor.ask(command) == .done, "seed \(generator.value)")
            }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            #expect(supervisor.ask(.setThreads(job: "work", threads: 3)) == .done)
            #expect(
                supervisor.wait { job in
                    job.counts.acked == count && job.consuming == 3 && job.threads == 3
                        && job.counts.received == count + job.counts.givenBack
                },
                "seed \(generator.value): \(supervisor.status)"
            )
            let counts = supervisor.counts
            #expect(counts.droppedAcks == 0 && counts.lost == 0 && counts.requeued == 0)
            let begun = self.gate.begun
            #expect(begun.count == count && Set(begun).count == count, "seed \(generator.value)")
            #expect(try self.otherChannels() == before)
            #expect(self.log.lines("the crash ledger has no slot left").isEmpty)
        }
        #expect(status == .clean)
    }

    @Test func `another handler takes over between two messages, and what can not be is refused`() throws {
        let status = try self.run { supervisor, channel in
            #expect(supervisor.ask(.setThreads(job: "nobody", threads: 2)) == .refused("there is no job 'nobody'"))
            #expect(
                supervisor.ask(.setThreads(job: "work", threads: 0)) == .refused("a job has 1 to 512 threads, not 0")
            )
            let unknown = try #require(try self.file(handler: "nope").jobs.first)
            guard case .refused(let reason)? = supervisor.ask(.setDefinition(unknown)) else {
                Issue.record("a handler that no plugin has")
                return
            }
            #expect(reason.contains("no plugin offers handler 'scale.nope'"))
            #expect(
                supervisor.ask(.setDefinition(try #require(try self.file(threads: 1, handler: "other").jobs.first)))
                    == .done
            )
            #expect(supervisor.wait { $0.threads == 1 && $0.consuming == 1 })
            try channel.publish([1], routingKey: self.queue)
            #expect(supervisor.wait { $0.counts.discarded == 1 })
            #expect(self.gate.begun.isEmpty)
        }
        #expect(status == .clean)
    }

    @Test func `a command in a drain, or after it, is answered`() throws {
        let supervisor = try TestSupervisor(try self.file(), [plugin.descriptor])
        #expect(try self.run { _, _ in } == .clean)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for queue in [self.queue, self.queue + ".2"] { _ = try channel.declareQueue(queue) }
        try supervisor.whileRunning { #expect(supervisor.wait { $0.consuming == 2 }) }
        #expect(supervisor.ask(.setThreads(job: "work", threads: 3)) == .refused("the supervisor has ended"))
        for queue in [self.queue, self.queue + ".2"] { try channel.deleteQueue(queue) }
    }
}
