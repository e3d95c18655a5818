import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Notes what it was given, with its attempt; stays with a message that says so, and fails with what its message says.
private struct Several: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        self.gate.note("\(text) \(message.attempt)")
        if text.hasPrefix("stay") { self.gate.stayUntilOpen(text) }
        if text.hasPrefix("retry") || text.hasSuffix("fail"), message.attempt == 1 { return .retry("says retry") }
        return text.hasPrefix("reject") ? .reject("says reject") : .ack
    }
}

private let plugin = MillracePlugin(name: "several", [.sync("several.note", Several.self)])

/// One pool of threads that consumes several queues.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct SeveralQueuesTests {
    private let name = Broker.unique("several")
    private let log = RecordedLog()
    private var gate: Gate { gateNamed(self.name) }
    private var a: String { self.name + ".a" }
    private var b: String { self.name + ".b" }
    private var c: String { self.name + ".c" }

    /// - Parameters:
    ///   - names: What the job consumes.
    ///   - settings: More of the job.
    ///   - queues: Those that the file declares.
    /// - Returns: The job file.
    private func text(_ names: [String], _ settings: String = "threads: 1", queues: [String]) -> String {
        """
        version: 1
        connection: { uri: "\(Broker.uri ?? "")", recovery: { initial_interval: 50ms, max_interval: 200ms } }
        queues: { \(queues.map { "\($0): {}" }.joined(separator: ", ")) }
        jobs:
          work:
            queues: [\(names.joined(separator: ", "))]
            handler: several.note
            retry: { max_attempts: 3, initial_interval: 20ms, jitter: 0 }
            with: { gate: \(self.name) }
            \(settings)

        """
    }

    private func load(_ text: String) throws -> LoadedFile {
        var registry = PluginRegistry()
        try registry.add(linkedIn: plugin.descriptor)
        let draft = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let file = try draft.finish()
        let identity = FileIdentity(path: "jobs.yaml", digest: draft.digest(of: file))
        return LoadedFile(file: file, registry: registry, identity: identity)
    }

    private func supervisor(_ text: String, once: Bool = false) throws -> TestSupervisor {
        try TestSupervisor(
            try self.load(text).file,
            [plugin.descriptor],
            once: once,
            logger: self.log.logger
        )
    }

    private func publish(_ bodies: [String], to queue: String, on channel: Channel) throws {
        for body in bodies { try channel.publish(Array(body.utf8), routingKey: queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    /// With a channel in confirm mode, and whatever the queues are called afterwards gone.
    private func withChannel(_ body: (Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        try body(channel)
        for queue in [self.a, self.b, self.c] {
            try channel.deleteQueue(queue)
            try channel.deleteQueue(queue + ".dead")
            for name in delayQueues(of: queue) { try channel.deleteQueue(name) }
        }
    }

    /// Whether the end of a consumer is that alone; from 4.3 on it may mean that all was taken back.
    private var isAlone: Bool { get throws { try Broker.profile().consumerTimeout == .channel } }

    private func consumers(_ queue: String, _ channel: Channel) throws -> Int {
        try channel.declareQueue(queue, passive: true).consumerCount
    }

    @Test func `every thread consumes all, and while all hold messages each gets its equal share`() throws {
        try self.withChannel { channel in
            for queue in [self.a, self.b] { _ = try channel.declareQueue(queue) }
            try self.publish((0..<60).map { "a\($0)" }, to: self.a, on: channel)
            try self.publish((0..<60).map { "b\($0)" }, to: self.b, on: channel)
            let supervisor = try self.supervisor(
                self.text([self.a, self.b], "prefetch: 4", queues: [self.a, self.b])
            )
            try supervisor.whileRunning {
                #expect(self.gate.wait { $0.count == 120 })
                for queue in [self.a, self.b] { #expect((try? self.consumers(queue, channel)) == 1) }
                // The first few come before the second consumer is there.
                let share = self.gate.begun.dropFirst(20).prefix(60).count { $0.hasPrefix("a") }
                #expect((24...36).contains(share), "\(self.gate.begun)")
                #expect(supervisor.wait { $0.counts.acked == 120 && $0.consuming == 1 })
                #expect(supervisor.readiness.isReady)
            }
        }
    }

    @Test(arguments: ["", "{ type: quorum }"])
    func `a queue that is deleted costs the others nothing, and is consumed when it is there again`(_ type: String)
        throws
    {
        try self.withChannel { channel in
            let arguments: FieldTable = type.isEmpty ? [:] : ["x-queue-type": "quorum"]
            for queue in [self.a, self.b] { _ = try channel.declareQueue(queue, arguments: arguments) }
            let supervisor = try self.supervisor(self.text([self.a, self.b], queues: []))
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                try self.publish(["stay a", "after a"], to: self.a, on: channel)
                #expect(self.gate.waitForBegin("stay a 1"))
                let tags = try Broker.control?.consumers(of: self.a)
                try self.publish(["lost b"], to: self.b, on: channel)
                try channel.deleteQueue(self.b)
                self.gate.open()
                // Where the end of a consumer costs the channel it comes again, which counts as an attempt.
                #expect(self.gate.wait { $0.contains { $0.hasPrefix("after a ") } })
                #expect(supervisor.wait { $0.absentQueues.keys.sorted() == [self.b] && $0.state == .running })
                #expect(supervisor.wait { $0.counts.acked >= 2 })
                #expect(!supervisor.readiness.isReady)
                #expect(supervisor.readiness.reasons.first?.contains("queue '\(self.b)' is not consumed") == true)
                let isAlone = try self.isAlone
                if isAlone { #expect(supervisor.counts.received <= 3 && supervisor.counts.givenBack == 0) }
                _ = try channel.declareQueue(self.b, arguments: arguments)
                #expect(supervisor.wait { $0.absentQueues.isEmpty && $0.consuming == 1 })
                #expect(supervisor.readiness.isReady)
                try self.publish(["again b"], to: self.b, on: channel)
                #expect(self.gate.waitForBegin("again b 1"))
                // On the channel of before: nothing of the other queue came twice.
                let begun = self.gate.begun.filter { $0.hasSuffix(" a 1") }
                if isAlone {
                    #expect(begun == ["stay a 1", "after a 1"])
                    let tagsNow = try Broker.control?.consumers(of: self.a)
                    #expect(tagsNow == tags, "\(self.log.all)")
                }
                for queue in [self.a, self.b] { #expect((try? self.consumers(queue, channel)) == 1) }
            }
            #expect(try channel.declareQueue(self.a, passive: true).messageCount == 0)
        }
    }

    @Test func `a failure in hand of a queue that is gone is dropped, one of another is tried again`() throws {
        try self.withChannel { channel in
            for queue in [self.a, self.b] { _ = try channel.declareQueue(queue) }
            let supervisor = try self.supervisor(self.text([self.a, self.b], "prefetch: 1", queues: [self.a]))
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                try self.publish(["stay fail"], to: self.b, on: channel)
                #expect(self.gate.waitForBegin("stay fail 1"))
                try self.publish(["retry a"], to: self.a, on: channel)
                try channel.deleteQueue(self.b)
                self.gate.open()
                #expect(supervisor.wait { $0.absentQueues.count == 1 })
                #expect(self.gate.waitForBegin("retry a 2"))
                #expect(supervisor.wait { $0.counts.acked == 1 })
                #expect(!self.gate.begun.contains("stay fail 2"))
                // Where the end of a consumer costs the channel, the other one has come again by that.
                // The answer to the copy may be read behind what came of it.
                if try self.isAlone {
                    // What has failed before the end of its consumer was heard of is a copy that waits for its queue.
                    #expect(
                        supervisor.wait { $0.counts.retried >= 1 && $0.counts.retried + $0.counts.droppedAcks == 2 }
                    )
                }
            }
        }
    }

    @Test func `copies and dead letters go back to the queue that their message came from`() throws {
        try self.withChannel { channel in
            for queue in [self.a, self.b] { _ = try channel.declareQueue(queue) }
            for queue in [self.a, self.b] {
                try self.publish(["retry \(queue)", "reject \(queue)"], to: queue, on: channel)
            }
            let text = self.text([self.a, self.b], queues: [self.a, self.b])
            let supervisor = try self.supervisor(text, once: true)
            #expect(try supervisor.runToEnd() == .clean)
            #expect(supervisor.counts.retried == 2 && supervisor.counts.rejected == 2)
            for queue in [self.a, self.b] {
                #expect(self.gate.begun.contains("retry \(queue) 2"), "\(self.gate.begun)")
                let dead = try #require(try channel.get(queue + ".dead"))
                #expect(dead.body == Array("reject \(queue)".utf8))
                let headers = try dead.properties.headers
                #expect(headers?["millrace-queue"] == .string(queue))
                #expect(headers?["millrace-attempt"]?.intValue == 1)
                try channel.reject(dead, requeue: true)
            }
            // And a replay goes where its letter came from.
            let file = try self.load(text).file
            let box = try FailedMessageBox(of: file.jobs[0], in: file, queue: self.b + ".dead", on: channel)
            let letters = try box.take(10)
            let done = try box.replay(letters)
            #expect(done.sent == 1)
            try box.putBack()
            let (again, none) = (try channel.get(self.b, noAck: true), try channel.get(self.a))
            #expect(again?.body == Array("reject \(self.b)".utf8))
            #expect(none?.body == nil)
        }
    }

    @Test func `one that is not there at the start fails nothing: the others are worked off, also by --once`() throws {
        try self.withChannel { channel in
            _ = try channel.declareQueue(self.a)
            try self.publish(["one", "two"], to: self.a, on: channel)
            let supervisor = try self.supervisor(self.text([self.c, self.a], queues: []), once: true)
            #expect(try supervisor.runToEnd() != nil)
            #expect(self.gate.begun == ["one 1", "two 1"])
            #expect(supervisor.counts.acked == 2)
            let none = try self.supervisor(self.text([self.b, self.c], queues: []), once: true)
            #expect(try none.runToEnd() != .clean)
            #expect(none.status.first?.hasFailed == true)
        }
    }

    @Test func `a consumer that is refused ends one channel at most, and is there when it may be`() throws {
        try self.withChannel { channel in
            for queue in [self.a, self.b] { _ = try channel.declareQueue(queue) }
            try channel.consume(self.b, tag: "alone", exclusive: true)
            let supervisor = try self.supervisor(self.text([self.a, self.b], queues: []))
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 && $0.absentQueues.count == 1 })
                #expect(supervisor.status[0].absentQueues[self.b]?.contains("403") == true)
                try self.publish((0..<20).map { "a\($0)" }, to: self.a, on: channel)
                #expect(supervisor.wait { $0.counts.acked == 20 })
                let tags = try Broker.control?.consumers(of: self.a)
                try channel.cancel("alone")
                #expect(supervisor.wait { $0.absentQueues.isEmpty && $0.consuming == 1 })
                let tagsNow = try Broker.control?.consumers(of: self.a)
                #expect(tagsNow == tags)
                try self.publish(["b"], to: self.b, on: channel)
                #expect(self.gate.waitForBegin("b 1"))
                #expect(supervisor.counts.received == 21)
            }
        }
    }

    @Test func `a reload adds a queue and takes one away; a pause, a drain and the end leave nothing behind`() throws {
        try self.withChannel { channel in
            let note = ChangeNote(actor: "test", since: 0)
            let all = [self.a, self.b, self.c]
            let supervisor = try self.supervisor(
                self.text([self.a, self.b], "threads: 2", queues: [self.a, self.b])
            )
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 2 })
                let more = try self.load(self.text([self.a, self.c], "threads: 2", queues: all))
                #expect(supervisor.plan(more).jobs.first?.notes.count == 2)
                #expect(supervisor.ask(.reload(more, plan: nil, note)) == .noted([]))
                // The threads of before consume too, until those of the new file have come: only these have the new queue.
                #expect(supervisor.wait { $0.consumersOfQueues == [self.a: 2, self.c: 2] && $0.consuming == 2 })
                let other = try #require(try self.load(self.text([self.a, self.b], queues: all)).file.jobs.first)
                #expect(
                    supervisor.ask(.setDefinition(other))
                        == .refused("job 'work' consumes '\(self.a),\(self.c)', which stays so while it runs")
                )
                try self.publish(["c"], to: self.c, on: channel)
                #expect(self.gate.waitForBegin("c 1"))
                try self.publish(["retry c"], to: self.c, on: channel)
                #expect(self.gate.waitForBegin("retry c 2"))
                try self.waitForConsumers([(self.a, 2), (self.b, 0), (self.c, 2)], channel)
                #expect(supervisor.ask(.setPause(job: "work", isPaused: true, note)) != nil)
                #expect(supervisor.wait { $0.state == .paused && $0.consuming == 0 })
                try self.waitForConsumers([(self.a, 0), (self.b, 0), (self.c, 0)], channel)
                #expect(supervisor.ask(.setPause(job: "work", isPaused: false, note)) != nil)
                #expect(supervisor.wait { $0.consuming == 2 })
                try self.waitForConsumers([(self.a, 2), (self.c, 2)], channel)
            }
            try self.waitForConsumers([(self.a, 0), (self.c, 0)], channel)
        }
    }

    @Test func `the backlog of all of them counts for how many threads there are`() throws {
        try self.withChannel { channel in
            for queue in [self.a, self.b] { _ = try channel.declareQueue(queue) }
            let supervisor = try self.supervisor(
                self.text(
                    [self.a, self.b],
                    "threads: { min: 1, max: 4, target_wait: 1s }\n    prefetch: 1",
                    queues: [self.a, self.b]
                )
            )
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                // All of it in the second queue.
                try self.publish(
                    (0..<200).map { "b\($0)" } + ["stay"] + (0..<2000).map { "b\($0)" },
                    to: self.b,
                    on: channel
                )
                #expect(supervisor.wait { $0.threads > 1 })
                self.gate.open()
                #expect(supervisor.wait { $0.counts.acked == 2201 })
            }
        }
    }

    private func waitForConsumers(_ wanted: [(queue: String, count: Int)], _ channel: Channel) throws {
        let deadline = MonotonicClock.now() &+ 60_000_000_000
        while true {
            let counts = try wanted.map { try self.consumers($0.queue, channel) }
            if counts == wanted.map(\.count) { return }
            let isInTime = MonotonicClock.now() < deadline
            try #require(isInTime, "\(counts)")
            _ = channel.pump(until: MonotonicClock.now() &+ 20_000_000)
        }
    }
}
