import Millrace
import Testing

@Suite struct ReloadPlanTests {
    private static let base = """
        version: 1
        connection: { uri: amqp://a }
        queues:
          qa: {}
          qb: { type: quorum }
        jobs:
          a: { queue: qa, handler: p.a, threads: 2 }
          b: { queue: qb, handler: p.b, retry: { max_attempts: 3 } }
        """

    private func plan(_ old: String, _ new: String, otherCode: Set<String> = [], _ overrides: Overrides = Overrides())
        throws
        -> ReloadPlan
    {
        func load(_ text: String) throws -> (JobFile, FileIdentity) {
            let draft = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let file = try draft.finish()
            return (file, FileIdentity(path: "jobs.yaml", digest: draft.digest(of: file)))
        }
        return ReloadPlan(from: try load(old), to: try load(new), overrides: overrides, otherCode: otherCode)
    }

    private func change(_ from: String, _ to: String, of job: String = "a") throws -> ReloadPlan.Change? {
        let new = Self.base.replacing(from, with: to)
        #expect(new != Self.base)
        return try self.plan(Self.base, new).jobs.first { $0.name == job }?.change
    }

    @Test func `the same file, and one with other comments and places, changes nothing`() throws {
        #expect(try self.plan(Self.base, Self.base).isEmpty)
        let moved = "# a comment\n\n" + Self.base.replacing("  qa: {}\n", with: "  qa: {} # here\n\n")
        let plan = try self.plan(Self.base, moved)
        #expect(plan.isEmpty, "\(plan)")
    }

    @Test func `a queue more or less replaces the workers, and is said`() throws {
        func job(_ from: String, _ to: String) throws -> ReloadPlan.Job? {
            let old = Self.base.replacing("queue: qa", with: from)
            return try self.plan(old, Self.base.replacing("queue: qa", with: to)).jobs.first { $0.name == "a" }
        }
        let more = try job("queue: qa", "queues: [qa, qc]")
        #expect(more?.change == .replaced(["queues"]))
        #expect(more?.notes == ["it consumes queue 'qc' too"])
        let less = try job("queues: [qa, qc]", "queues: [qa]")
        #expect(less?.notes == ["it leaves queue 'qc', which stays"])
        #expect(try job("queues: [qa, qc]", "queues: [qc, qa]")?.change == .replaced(["queues"]))
        #expect(try job("queue: qa", "queues: [qa]")?.change == .unchanged)
        let gone = try self.plan(
            Self.base.replacing("queue: qa", with: "queues: [qa, qb]"),
            Self.base.replacing("  a: { queue: qa, handler: p.a, threads: 2 }\n", with: "")
        )
        #expect(gone.jobs.last?.notes.count == 1, "the other job consumes qb still")
    }

    @Test func `threads and pauses change in place`() throws {
        #expect(try self.change("threads: 2", "threads: 9") == .inPlace(["threads"]))
        #expect(try self.change("threads: 2", "threads: { min: 2, max: 4 }") == .inPlace(["threads"]))
        #expect(try self.change("threads: 2", "threads: 2, paused: true") == .inPlace(["paused"]))
        #expect(try self.change("threads: 2", "threads: 9", of: "b") == .unchanged)
    }

    @Test(arguments: [
        ("handler: p.a", "handler: p.c", "handler"), ("threads: 2", "with: { x: 1 }", "with"),
        ("threads: 2", "prefetch: 7", "prefetch"), ("threads: 2", "ack: none", "ack"),
        ("threads: 2", "on_failure: discard", "on_failure"), ("threads: 2", "timeout: 1s", "timeout"),
        ("threads: 2", "rate_limit: { allowed: 1, interval: 1s }", "rate_limit"),
        ("threads: 2", "consumer_priority: 1", "consumer_priority"),
        ("threads: 2", "tasks_per_thread: 3", "tasks_per_thread"),
        ("threads: 2", "missing_queue: retry", "missing_queue"), ("threads: 2", "publish: { mode: tx }", "publish"),
        ("threads: 2", "kill_timeout: 9s", "kill_timeout"), ("threads: 2", "batch: { size: 2 }", "batch"),
        ("threads: 2", "consumer_arguments: { x: 1 }", "consumer_arguments"),
        ("threads: 2", "exclusive: true", "exclusive"),
        ("queue: qa", "queue: qb", "queue"),
    ])
    func `what a worker has in it replaces the workers`(_ from: String, _ to: String, _ key: String) throws {
        guard case .replaced(let keys) = try self.change(from, to) else {
            Issue.record("not replaced")
            return
        }
        #expect(keys.contains(key), "\(keys)")
    }

    @Test func `a plugin that is another file replaces the workers of its jobs alone`() throws {
        let plan = try self.plan(Self.base, Self.base, otherCode: ["b"])
        #expect(plan.jobs.map(\.change) == [.unchanged, .replaced(["the plugin's file"])])
    }

    @Test func `jobs come and go`() throws {
        let new = Self.base.replacing("  b: {", with: "  c: {")
        let plan = try self.plan(Self.base, new)
        #expect(plan.jobs.map(\.name) == ["a", "c", "b"])
        #expect(plan.jobs.map(\.change) == [.unchanged, .added, .removed])
        #expect(plan.jobs[2].notes.isEmpty, "another job consumes its queue")
        let gone = try self.plan(
            Self.base,
            Self.base.replacing("  b: {", with: "  x-b: {").replacing("queue: qb", with: "queue: qa")
        )
        #expect(gone.jobs.last?.change == .removed)
        #expect(gone.jobs.last?.notes.isEmpty == false)
    }

    @Test func `what is beside the jobs is named`() throws {
        let new =
            Self.base.replacing("  qa: {}", with: "  qa: { durable: false }\n  qc: {}").replacing(
                "amqp://a",
                with: "amqp://b"
            )
            + "\nshutdown_timeout: 1s\nadmin: { listen: \"127.0.0.1:1\" }\n"
        let notes = try self.plan(Self.base, new).notes
        for part in [
            "'qa' is written otherwise", "'qc' is declared", "connection: with the next",
            "shutdown_timeout: from now on", "admin: at the next start",
        ] {
            #expect(notes.contains { $0.contains(part) }, "\(part): \(notes)")
        }
    }

    @Test func `its number is of both files, the overrides and the plugins`() throws {
        let digest = try self.plan(Self.base, Self.base).digest
        #expect(try self.plan(Self.base, Self.base).digest == digest)
        #expect(try self.plan(Self.base, Self.base + "\n").digest != digest)
        #expect(try self.plan(Self.base + "\n", Self.base).digest != digest)
        #expect(try self.plan(Self.base, Self.base, otherCode: ["a"]).digest != digest)
        var overrides = Overrides()
        overrides.setThreads("a", .fixed(3), ChangeNote(actor: "x", since: 1))
        #expect(try self.plan(Self.base, Self.base, overrides).digest != digest)
    }
}
