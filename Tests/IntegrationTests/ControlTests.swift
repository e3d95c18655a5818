import AMQPClient
import AMQPWire
import Glibc
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Takes as long as it is told, and can be stopped at a gate.
private struct Counted: SyncJobHandler {
    private let gate: Gate
    private let version: String
    init(_ options: HandlerOptions) throws {
        self.gate = gateNamed(try options.string("gate"))
        self.version = try options.string("version", default: "1")
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let body = message.bodyText ?? "no text"
        self.gate.note("\(self.version) \(body)")
        if body == "stay" { self.gate.stayUntilOpen() }
        return .ack
    }
}

private let plugin = MillracePlugin(name: "control", [.sync("control.counted", Counted.self)])

/// What operators do to a supervisor that runs, on a real broker.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct ControlTests {
    private let queue = Broker.unique("control")
    private var gate: Gate { gateNamed(self.queue) }

    private func text(_ jobs: String, more: String = "") -> String {
        """
        version: 1
        connection:
          uri: "\(Broker.uri ?? "")"
          recovery: { initial_interval: 10ms, max_interval: 50ms }
        \(more)
        queues: { \(self.queue): {}, \(self.queue).2: {} }
        jobs:
        \(jobs)

        """
    }

    private func job(_ name: String, _ settings: String = "threads: 2", queue: String = "", version: String = "1")
        -> String
    {
        "  \(name): { queue: \(self.queue)\(queue), handler: control.counted, \(settings), "
            + "with: { gate: \(self.queue), version: \"\(version)\" } }"
    }

    private func load(_ text: String, path: String = "jobs.yaml") throws -> LoadedFile {
        var registry = PluginRegistry()
        try registry.add(linkedIn: plugin.descriptor)
        let draft = try JobFileDraft(bytes: Array(text.utf8), file: path, environment: [:])
        let file = try draft.finish()
        return LoadedFile(
            file: file,
            registry: registry,
            identity: FileIdentity(path: path, digest: draft.digest(of: file))
        )
    }

    private func publish(_ bodies: [String], to queue: String = "") throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for body in bodies { try channel.publish(Array(body.utf8), routingKey: self.queue + queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    private func run(
        _ text: String,
        ending: Millrace.ExitStatus = .clean,
        backlogInterval: Duration = .milliseconds(200),
        _ body: (TestSupervisor) throws -> Void
    ) throws {
        let loaded = try self.load(text)
        let supervisor = try TestSupervisor(
            loaded.file,
            [plugin.descriptor],
            backlogInterval: backlogInterval
        )
        defer { self.gate.open() }
        let status = try supervisor.whileRunning {
            defer { self.gate.open() }
            try body(supervisor)
        }
        #expect(status == ending)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for queue in ["", ".2", ".3"].map({ self.queue + $0 }) {
            for name in [queue] + delayQueues(of: queue) { try channel.deleteQueue(name) }
        }
    }

    private func note(_ reason: String? = nil, for time: Duration? = nil) -> ChangeNote {
        .now("a test", reason: reason, for: time)
    }

    @Test func `a pause begins nothing more and gives back what is not begun; resume goes on`() throws {
        try self.run(self.text(self.job("work", "threads: 1, prefetch: 10"))) { supervisor in
            #expect(supervisor.wait { $0.consuming == 1 })
            try self.publish(["stay"] + (0..<9).map { "\($0)" })
            #expect(self.gate.waitForBegin("1 stay"))
            #expect(supervisor.ask(.setPause(job: "work", isPaused: true, self.note("db"))) != nil)
            // It is in hand, and the others are free for whoever wants them.
            #expect(supervisor.wait { $0.state == .paused })
            self.gate.open()
            #expect(supervisor.wait { $0.inHand == 0 && $0.consuming == 0 && $0.counts.acked == 1 })
            #expect(supervisor.counts.givenBack == 9)
            #expect(supervisor.readiness.isReady, "who rests is not missed")
            #expect(supervisor.ask(.setPause(job: "work", isPaused: false, self.note())) != nil)
            #expect(supervisor.wait { $0.counts.acked == 10 })
            #expect(supervisor.counts.received - supervisor.counts.givenBack == 10)
        }
    }

    @Test func `quiet stops what is delivered within 200 ms`() throws {
        try self.run(self.text(self.job("work", "threads: 2, prefetch: 20"))) { supervisor in
            #expect(supervisor.wait { $0.consuming == 2 })
            var fastest = UInt64.max
            // A busy machine may have more than one try.
            for _ in 0..<5 where fastest >= 200_000_000 {
                let begun = self.gate.begun.count
                try self.publish((0..<2000).map { "\($0)" })
                #expect(self.gate.wait { $0.count > begun })
                let asked = MonotonicClock.now()
                #expect(try supervisor.get("api/v1/quiet", method: "POST").status == 200)
                #expect(supervisor.wait { $0.state == .paused && $0.consuming == 0 && $0.inHand == 0 })
                fastest = min(fastest, MonotonicClock.now() &- asked)
                let count = self.gate.begun.count
                // What comes now is nobody's.
                try self.publish(["late"])
                #expect(self.gate.begun.count == count)
                #expect(try supervisor.get("api/v1/resume", method: "POST").status == 200)
                #expect(self.gate.wait { $0.last == "1 late" })
            }
            #expect(fastest < 200_000_000, "\(fastest / 1_000_000) ms")
        }
    }

    @Test func `a pause for a time ends by itself`() throws {
        try self.run(self.text(self.job("work"))) { supervisor in
            #expect(supervisor.wait { $0.consuming == 2 })
            #expect(supervisor.ask(.setPause(job: nil, isPaused: true, self.note(for: .seconds(10)))) != nil)
            #expect(supervisor.wait { $0.state == .paused })
            #expect(supervisor.wait { $0.state == .running && $0.overrides.isEmpty })
        }
    }

    @Test func `a job that its file pauses has no consumer until somebody resumes it`() throws {
        try self.run(self.text(self.job("work", "paused: true") + "\n" + self.job("other", queue: ".2"))) {
            supervisor in
            #expect(supervisor.wait(job: 1) { $0.consuming == 2 })
            #expect(supervisor.status.first?.state == .paused && supervisor.status.first?.consuming == 0)
            try self.publish(["a"])
            #expect(supervisor.ask(.setPause(job: "work", isPaused: false, self.note())) != nil)
            #expect(supervisor.wait { $0.counts.acked == 1 })
        }
    }

    @Test func `what was changed survives the process, where the file keeps it`() throws {
        let scratch = try Scratch()
        let text = self.text(
            self.job("work") + "\n" + self.job("other", queue: ".2"),
            more: "control: { state: \(scratch.path)/state }"
        )
        let loaded = try self.load(text)
        for round in 0..<2 {
            let supervisor = try TestSupervisor(loaded.file, [plugin.descriptor])
            try supervisor.whileRunning {
                if round == 0 {
                    #expect(supervisor.ask(.scale(job: "work", .fixed(5), self.note("backfill"))) == .noted([]))
                    #expect(supervisor.ask(.setPause(job: "other", isPaused: true, self.note())) == .noted([]))
                }
                #expect(supervisor.wait { $0.threads == 5 && $0.consuming == 5 })
                #expect(supervisor.wait(job: 1) { $0.state == .paused })
                #expect(supervisor.status.first?.overrides.threads?.note.reason == "backfill")
                #expect(supervisor.status.first?.fileThreads == 2)
            }
        }
        try self.run(text) { #expect($0.ask(.scale(job: "work", nil, self.note())) != nil) }
    }

    @Test func `without a place to keep it whoever changes something is told`() throws {
        try self.run(self.text(self.job("work"))) { supervisor in
            guard case .noted(let notes) = supervisor.ask(.scale(job: "work", .fixed(3), self.note())) else {
                Issue.record("not done")
                return
            }
            #expect(notes.count == 1)
            #expect(
                supervisor.ask(.scale(job: "nobody", .fixed(3), self.note())) == .refused("there is no job 'nobody'")
            )
            #expect(supervisor.wait { $0.consuming == 3 })
        }
    }

    @Test(.enabled(if: Broker.control != nil, "needs rabbitmqctl"))
    func `a reload changes what is different, and leaves the others' channels and deliveries alone`() throws {
        let old = self.text(self.job("same", "threads: 1") + "\n" + self.job("other", queue: ".2"))
        try self.run(old) { supervisor in
            #expect(supervisor.wait { $0.consuming == 1 })
            #expect(supervisor.wait(job: 1) { $0.consuming == 2 })
            try self.publish(["stay"])
            #expect(self.gate.waitForBegin("1 stay"))
            let tags = try #require(Broker.control).consumers(of: self.queue)
            let new = self.text(
                self.job("same", "threads: 1") + "\n" + self.job("other", "prefetch: 5", queue: ".2", version: "2")
                    + "\n"
                    + self.job("third", queue: ".3")
            ).replacing(".2: {} }", with: ".2: {}, \(self.queue).3: {} }")
            #expect(supervisor.ask(.reload(try self.load(new), plan: nil, self.note())) == .noted([]))
            #expect(supervisor.wait(job: 2) { $0.consuming == 2 && $0.name == "third" })
            try self.publish(["a"], to: ".2")
            try self.publish(["b"], to: ".3")
            #expect(self.gate.waitForBegin("2 a"), "by the new definition")
            #expect(self.gate.waitForBegin("1 b"), "by a job that was not there")
            #expect(try #require(Broker.control).consumers(of: self.queue) == tags)
            #expect(supervisor.status.first?.counts.acked == 0, "it is in hand still")
            self.gate.open()
            #expect(supervisor.wait { $0.counts.acked == 1 && $0.counts.received == 1 })
            // And one is no more.
            let gone = self.text(self.job("same", "threads: 1"))
            #expect(supervisor.ask(.reload(try self.load(gone), plan: nil, self.note())) == .noted([]))
            #expect(supervisor.waitForJobs { $0.map(\.name) == ["same"] })
        }
    }

    @Test func `a plan that is not of now is refused, one that is is done`() throws {
        try self.run(self.text(self.job("work"))) { supervisor in
            #expect(supervisor.wait { $0.consuming == 2 })
            let loaded = try self.load(self.text(self.job("work", "threads: 4")))
            let digest = supervisor.plan(loaded).digest
            #expect(supervisor.ask(.scale(job: "work", .fixed(3), self.note())) != nil)
            guard case .refused = supervisor.ask(.reload(loaded, plan: digest, self.note())) else {
                Issue.record("it went by another plan")
                return
            }
            #expect(supervisor.wait { $0.threads == 3 && $0.consuming == 3 })
            let fresh = supervisor.plan(loaded).digest
            guard case .noted(let notes) = supervisor.ask(.reload(loaded, plan: fresh, self.note())) else {
                Issue.record("not done")
                return
            }
            #expect(notes == ["scale work 3: the file says 4 now, not 2"])
            #expect(supervisor.wait { $0.threads == 4 && $0.consuming == 4 && $0.overrides.isEmpty })
        }
    }

    @Test(.enabled(if: Broker.control != nil, "needs rabbitmqctl"))
    func `a restart replaces the workers between two messages`() throws {
        try self.run(self.text(self.job("work"))) { supervisor in
            #expect(supervisor.wait { $0.consuming == 2 })
            let before = try #require(Broker.control).consumers(of: self.queue)
            #expect(supervisor.ask(.restart(job: "work", self.note())) == .done)
            try self.publish((0..<50).map { "\($0)" })
            #expect(supervisor.wait { $0.counts.acked == 50 && $0.consuming == 2 })
            #expect(supervisor.counts.received - supervisor.counts.givenBack == 50)
            #expect(try #require(Broker.control).consumers(of: self.queue).count == before.count)
        }
    }

    private func explain(_ supervisor: TestSupervisor, _ job: String = "work") throws -> String {
        try supervisor.get("api/v1/jobs/\(job)/explain?wait=10s").body
    }

    @Test func `explain says what holds a job up, with numbers and the command that helps`() throws {
        let text =
            self.text(
                self.job("work", "threads: 1, prefetch: 1, timeout: 1s") + "\n" + self.job("other", queue: ".missing")
            )
        // One of its jobs has no queue.
        try self.run(text, ending: .abandoned) { supervisor in
            #expect(supervisor.wait { $0.consuming == 1 })
            #expect(
                try self.explain(supervisor)
                    == "work: queue '\(self.queue)' is empty, with 1 consumer: there is nothing to do\n"
            )
            #expect(supervisor.wait(job: 1) { if case .running = $0.state { false } else { $0.reason != nil } })
            #expect(try self.explain(supervisor, "other").contains("404"), "its queue is nowhere")
            // Without a job: each of them.
            let all = try supervisor.get("api/v1/explain?wait=10s").body
            #expect(all.hasPrefix("work: queue ") && all.contains("\nother: "), "\(all)")
            try self.publish(Array(repeating: "stay", count: 5))
            #expect(self.gate.waitForBegin("1 stay"))
            let busy = try self.explain(supervisor)
            #expect(busy.contains("4 messages ready, and its thread is busy"), "\(busy)")
            #expect(busy.contains("millrace scale work 2"))
            #expect(supervisor.wait { $0.oldestInHand > .seconds(1) })
            #expect(try self.explain(supervisor).hasPrefix("work: a handler has had one delivery for "))
            #expect(supervisor.ask(.setPause(job: "work", isPaused: true, self.note("db down"))) != nil)
            let paused = try self.explain(supervisor)
            #expect(paused.contains("it is paused: ") && paused.contains("\"db down\""), "\(paused)")
            #expect(paused.contains("millrace resume work"))
            self.gate.open()
            #expect(supervisor.ask(.setPause(job: "work", isPaused: false, self.note())) != nil)
            #expect(supervisor.wait { $0.counts.acked == 5 })
        }
    }

    @Test func `threads come with a backlog, and go when it is gone, without a message handled twice`() throws {
        let range = "prefetch: 5, threads: { min: 1, max: 6, target_wait: 1s, shrink_after: 1s }"
        // As often as a supervisor looks at its queues.
        let interval = SupervisorOptions().backlogInterval
        try self.run(self.text(self.job("work", range)), backlogInterval: interval) { supervisor in
            #expect(supervisor.wait { $0.consuming == 1 })
            // All that are there are busy, and more wait.
            try self.publish((0..<60).map { _ in "stay" })
            let published = MonotonicClock.now()
            #expect(supervisor.wait { $0.threads > 1 })
            #expect(MonotonicClock.now() &- published < 10_000_000_000, "the first growth within 10 s")
            #expect(supervisor.wait { $0.threads == 6 && $0.consuming == 6 })
            // Whoever is pinned is left alone.
            #expect(supervisor.ask(.scale(job: "work", .fixed(2), self.note())) != nil)
            self.gate.open()
            #expect(supervisor.wait { $0.counts.acked == 60 && $0.consuming == 2 })
            #expect(supervisor.ask(.scale(job: "work", nil, self.note())) != nil)
            try self.publish((0..<100).map { "\($0)" })
            #expect(supervisor.wait { $0.counts.acked == 160 })
            #expect(supervisor.wait { $0.threads == 1 && $0.consuming == 1 })
            #expect(self.gate.begun.count == 160)
        }
    }

    /// Redelivered is what was given back, whatever operators do.
    @Test(arguments: ["classic", "quorum"])
    func `pauses, scales, restarts and reloads at random: nothing is lost, nothing is done twice`(_ type: String) throws
    {
        var random = Seed(0x5EED)
        func text(_ round: UInt64) -> String {
            self.text(
                self.job("work", "threads: 3, prefetch: \(5 + round % 7)") + "\n" + self.job("other", queue: ".2")
            )
            .replacing("queues: { \(self.queue): {}", with: "queues: { \(self.queue): { type: \(type) }")
        }
        let count = 3000
        try self.run(text(0)) { supervisor in
            #expect(supervisor.wait { $0.consuming == 3 })
            var sent = 0
            while sent < count {
                try self.publish((sent..<sent + 100).map { "\($0)" })
                sent += 100
                switch random.next() % 6 {
                case 0: _ = supervisor.ask(.setPause(job: "work", isPaused: true, self.note()))
                case 1: _ = supervisor.ask(.setPause(job: nil, isPaused: false, self.note()))
                case 2: _ = supervisor.ask(.restart(job: "work", self.note()))
                case 3: _ = supervisor.ask(.reload(try self.load(text(random.next())), plan: nil, self.note()))
                default: _ = supervisor.ask(.scale(job: "work", .fixed(Int(1 + random.next() % 8)), self.note()))
                }
            }
            _ = supervisor.ask(.setPause(job: nil, isPaused: false, self.note()))
            #expect(supervisor.wait { $0.counts.acked == count })
            #expect(supervisor.wait { $0.counts.received - $0.counts.givenBack == count })
            let begun = self.gate.begun.map { $0.dropFirst(2) }
            #expect(begun.count == count, "each was handled once")
            #expect(Set(begun).count == count)
        }
    }
}
