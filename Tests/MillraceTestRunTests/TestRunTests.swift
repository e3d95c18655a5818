import Millrace
import MillraceHandler
import MillraceTestRun
import MillraceTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct TestRunTests {
    private func run(_ yaml: String = RunPlugin.file()) async throws -> TestRun {
        try await TestRun(yaml: yaml, plugins: [RunPlugin.descriptor])
    }

    /// What `settle` says.
    private func problems(_ body: () async throws -> Void) async throws -> [UnsettledError.Problem] {
        do {
            try await body()
            return []
        } catch let error as UnsettledError {
            return error.problems
        }
    }

    @Test(arguments: BrokerRelease.allCases)
    func `a message comes in, its output goes out, and all is well`(release: BrokerRelease) async throws {
        let run = try await TestRun(yaml: RunPlugin.file(), plugins: [RunPlugin.descriptor], like: release)
        try await run.publish("in", "a", id: "m-1")
        try await run.settle()
        #expect(run.outcome(of: "m-1") == .ack)
        #expect(try await run.queue("out").messages.map(\.bodyText) == ["did a"])
        #expect(try await run.queue("in").count == 0)
        await run.stop()
    }

    @Test func `two hundred messages are all done when it has settled`() async throws {
        let run = try await self.run(RunPlugin.file("threads: 3"))
        for number in 0..<200 { try await run.publish("in", "\(number)") }
        try await run.settle()
        #expect(try await run.queue("out").count == 200)
        try await run.settle()
    }

    @Test(arguments: ["auto", "none"])
    func `a job with several queues has settled when it is done with all of them`(ack: String) async throws {
        let queues = "  in: {}\n  two: {}\n  out: {}"
        let yaml = RunPlugin.file("ack: { mode: \(ack) }", queues: queues)
            .replacing("queue: in", with: "queues: [in, two]")
        let run = try await self.run(yaml)
        for number in 0..<20 { try await run.publish(number.isMultiple(of: 2) ? "in" : "two", "\(number)") }
        try await run.publish("two", "late 2", id: "late")
        try await run.settle()
        #expect(run.deliveries(of: "late").compactMap(\.outcome) == [.retry("attempt 1"), .ack])
        #expect(try await run.queue("out").count == 21)
        try await run.publish("two", "reject", id: "bad")
        let problems = try await self.problems { try await run.settle() }
        #expect(problems == [.deadLetter(job: "work", message: "'bad'", attempt: 1, error: "as it says")])
        #expect(try await run.queue("two.dead").count == 1)
        #expect(try await run.queue("two").count == 0)
    }

    @Test func `a dead letter is named, with its error`() async throws {
        let run = try await self.run()
        try await run.publish("in", "reject", id: "m-1")
        let problems = try await self.problems { try await run.settle() }
        #expect(problems == [.deadLetter(job: "work", message: "'m-1'", attempt: 1, error: "as it says")])
        #expect(run.outcome(of: "m-1") == .reject("as it says"))
        #expect(try await run.queue("in.dead").count == 1)
        // It is told once.
        try await run.settle()
    }

    @Test func `what is expected is no failure, and what does not come is one`() async throws {
        let run = try await self.run()
        try await run.publish("in", "reject")
        try await run.settle(expecting: .deadLetters(1))
        let problems = try await self.problems { try await run.settle(expecting: .deadLetters(1)) }
        #expect(problems == [.expected(.deadLetters(1), found: 0)])
    }

    @Test func `hours of retries and snoozes take no time`() async throws {
        let retry = "retry: { max_attempts: 6, initial_interval: 10m, multiplier: 2, max_interval: 4h, jitter: 0 }"
        let run = try await self.run(RunPlugin.file(retry))
        let began = ContinuousClock.now
        try await run.publish("in", "late 6", id: "late")
        try await run.publish("in", "fail", id: "fail")
        try await run.publish("in", "snooze 7200", id: "snooze")
        let problems = try await self.problems { try await run.settle() }
        #expect(problems == [.deadLetter(job: "work", message: "'fail'", attempt: 6, error: "attempt 6")])
        // 10 + 20 + 40 + 80 + 160 minutes.
        #expect(ContinuousClock.now - began < .seconds(100))
        #expect(run.deliveries(of: "late").compactMap(\.outcome) == (1...5).map { .retry("attempt \($0)") } + [.ack])
        #expect(run.deliveries(of: "snooze").compactMap(\.outcome) == [.snooze(.seconds(7200)), .ack])
        #expect(try await run.queue("out").messages.map(\.bodyText) == ["did snooze 7200", "did late 6"])
    }

    @Test func `a wait that is longer than the test allows is said`() async throws {
        let run = try await self.run(RunPlugin.file("retry: { initial_interval: 2h, max_interval: 2h, jitter: 0 }"))
        try await run.publish("in", "fail")
        let problems = try await self.problems { try await run.settle(within: .seconds(3600)) }
        #expect(problems == [.waitsTooLong(.seconds(3600)), .left(queue: "in", ready: 0, waiting: 1)])
    }

    @Test func `time passes to the millisecond that a test wants`() async throws {
        let run = try await self.run(RunPlugin.file("retry: { initial_interval: 1h, max_interval: 1h, jitter: 0 }"))
        try await run.publish("in", "late 2", id: "m")
        try await run.advance(by: .seconds(3590))
        #expect(run.outcome(of: "m") == .retry("attempt 1"))
        try await run.advance(by: .seconds(10))
        #expect(run.outcome(of: "m") == .ack)
        try await run.settle()
    }

    @Test func `an output that no queue takes is named`() async throws {
        let run = try await self.run(RunPlugin.file("retry: { max_attempts: 1 }"))
        try await run.publish("in", "astray", id: "m")
        let problems = try await self.problems { try await run.settle() }
        let error = "no queue took an output (312 NO_ROUTE)"
        #expect(
            problems == [
                .undeliverable(job: "work", message: "'m'", error: error),
                .deadLetter(job: "work", message: "'m'", attempt: 1, error: error),
            ]
        )
    }

    @Test func `a handler that overruns its timeout is named`() async throws {
        let yaml = RunPlugin.file("timeout: 20ms").replacing("run.obey", with: "run.endless").replacing(
            "with: { to: out }",
            with: ""
        )
        let run = try await self.run(yaml)
        try await run.publish("in", "a", id: "m")
        let problems = try await self.problems { try await run.settle() }
        #expect(problems == [.timeout(job: "work", message: "'m'")])
    }

    @Test func `what a paused or stopped job leaves is said`() async throws {
        let paused = try await self.run(RunPlugin.file("paused: true"))
        try await paused.publish("in", "a")
        let left = try await self.problems { try await paused.settle() }
        #expect(left == [.left(queue: "in", ready: 1, waiting: 0)])
        let stopped = try await self.run()
        try await stopped.publish("in", "stop")
        let problems = try await self.problems { try await stopped.settle() }
        #expect(problems.count == 2 && problems.contains(.left(queue: "in", ready: 1, waiting: 0)), "\(problems)")
    }

    @Test func `a broker's own clock and its overflow`() async throws {
        let queues =
            "  in: { message_ttl: 1h, dead_letter: { routing_key: late } }\n  late: {}\n  out: { max_length: 2 }"
        let run = try await self.run(RunPlugin.file("paused: true", queues: queues))
        try await run.publish("in", "a")
        try await run.settle(expecting: .left(1))
        try await run.advance(by: .seconds(3600))
        let problems = try await self.problems { try await run.settle() }
        #expect(problems == [.expired(queue: "in", count: 1)])
        #expect(try await run.queue("late").count == 1)
        try await run.settle()
        for _ in 0..<3 { try await run.publish("out", "a") }
        try await run.settle(expecting: .dropped(1))
    }

    @Test func `a job that is held works again when its time is over`() async throws {
        let off = Switch()
        let plugin = MillracePlugin(name: "run", [.sync("run.obey", making: { _ in Switched(off) })])
        let yaml = RunPlugin.file(
            "circuit: { failures: 3, within: 1m, pause: 10m }",
            "retry: { max_attempts: 100, initial_interval: 1m, jitter: 0 }"
        ).replacing("with: { to: out }", with: "")
        let run = try await TestRun(yaml: yaml, plugins: [plugin.descriptor])
        for number in 0..<3 { try await run.publish("in", "\(number)") }
        try await run.advance(by: .seconds(300))
        #expect(off.calls == 3)
        #expect(run.status.jobs.map(\.state) == [.held])
        off.value = true
        try await run.settle()
        #expect(off.calls == 6)
    }

    @Test func `a schedule ticks as often as its time comes`() async throws {
        let schedules = "schedules:\n  beat: { every: 10m, queue: in, body: tick }"
        let run = try await self.run(RunPlugin.file(rest: schedules))
        try await run.advance(by: .seconds(3600))
        try await run.settle()
        let beats = try await run.queue("out").count
        #expect((5...7).contains(beats), "\(beats)")
    }

    @Test func `a job without acks comes to rest too`() async throws {
        let run = try await self.run(RunPlugin.file("ack: none"))
        for number in 0..<50 { try await run.publish("in", "\(number)") }
        try await run.settle()
        #expect(try await run.queue("out").count == 50)
    }

    @Test func `queues that are somebody else's are there, by an exchange too`() async throws {
        let queues = "  in: { declare: passive, bindings: [{ exchange: all, routing_key: \"a.#\" }] }\n  out: {}"
        let exchanges = "exchanges:\n  all: { type: topic }"
        let run = try await self.run(RunPlugin.file(queues: queues, rest: exchanges))
        var message: TestMessage = "a"
        (message.exchange, message.routingKey) = ("all", "a.b")
        message.headers = ["tenant": .string("blue")]
        try await run.publish(message)
        try await run.settle()
        #expect(try await run.queue("out").count == 1)
        message.routingKey = "b"
        let wrong = message
        await #expect(throws: TestRunError(.unroutable(exchange: "all", routingKey: "b"))) {
            try await run.publish(wrong)
        }
    }

    @Test func `a message in a queue is as it was put there`() async throws {
        let run = try await self.run()
        var message = TestMessage(
            body: [0, 255],
            headers: ["a": .integer(1), "b": .bool(true), "c": .string("x"), "d": .bytes([1]), "e": .double(0.5)],
            routingKey: "out"
        )
        message.contentType = "application/json"
        message.messageID = "m"
        message.priority = 3
        message.timestamp = 1_700_000_000
        message.deliveryMode = 2
        try await run.queue("out").put(message)
        #expect(try await run.queue("out").messages == [message])
        await #expect(throws: TestRunError.self) { try await run.queue("none").messages }
    }

    @Test func `a job that can not start is an error of the start`() async throws {
        let yaml = RunPlugin.file().replacing("with: { to: out }", with: "")
        let error = await #expect(throws: TestRunError.self) { try await self.run(yaml) }
        #expect(error?.problem == .jobFailed("work", reason: "option 'to' is missing"))
        await #expect(throws: JobFileError.self) { try await self.run("version: 1") }
    }
}
