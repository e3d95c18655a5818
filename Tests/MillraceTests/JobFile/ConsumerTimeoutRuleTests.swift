import Millrace
import Testing

/// A job that may hold a message for longer than the broker waits.
@Suite struct ConsumerTimeoutRuleTests {
    private func warnings(_ job: String, queue: String = "{}") -> [Diagnostic] {
        let text = JobFileFixture.withJob(job).replacing("jobs:", with: "queues: { q: \(queue) }\njobs:")
        return JobFileFixture.problems(text)
    }

    /// Of what a job says, how long it may hold a message, just too long and just not.
    @Test(arguments: [
        ("timeout: 90s", "timeout: 89s", "30m"),
        ("timeout: 1s\n    kill_timeout: 90s", "timeout: 80s\n    kill_timeout: 89s", "30m"),
        ("prefetch: 1\n    timeout: 30m", "prefetch: 1\n    timeout: 29m", "30m"),
        // Two turns of four, and a last one of two.
        (
            "prefetch: 10\n    tasks_per_thread: 4\n    timeout: 10m",
            "prefetch: 8\n    tasks_per_thread: 4\n    timeout: 10m", "30m"
        ),
        (
            "batch: { size: 10, timeout: 1s }\n    timeout: 15m", "batch: { size: 10, timeout: 1s }\n    timeout: 14m",
            "30m1s"
        ),
        ("batch: { size: 10, timeout: 30m }", "batch: { size: 10, timeout: 29m }", "30m"),
        // All at once at first: 18 of 2 × 10 wait for their turn, and the last of them for its handler.
        (
            "prefetch: 10\n    threads: 2\n    rate_limit: { allowed: 2, interval: 200s }\n    timeout: 1s",
            "prefetch: 10\n    threads: 2\n    rate_limit: { allowed: 3, interval: 200s }\n    timeout: 1s", "30m1s"
        ),
        (
            "prefetch: 1\n    timeout: 1740s\n    publish: { batch: { size: 1, timeout: 60s } }",
            "prefetch: 1\n    timeout: 1740s\n    publish: { batch: { size: 1, timeout: 59s } }", "30m"
        ),
    ])
    func `the last of the prefetched ones counts, from when the broker sent it`(
        long: String,
        short: String,
        hold: String
    ) {
        let problems = self.warnings(long)
        #expect(problems.map(\.id) == ["consumer-timeout"])
        #expect(problems.first?.severity == .warning)
        #expect(
            problems.first?.message.contains(" for \(hold); the broker takes it back after 30m,") == true,
            "\(problems)"
        )
        #expect(self.warnings(short).isEmpty)
    }

    @Test(arguments: [
        ("prefetch: 1\n    timeout: 1h", 8, 14, "lower 'timeout', or raise"),
        ("timeout: 1h", 7, 14, "lower 'prefetch' or 'timeout', or raise"),
        ("timeout: 1h\n    kill_timeout: 2h", 8, 19, "lower 'prefetch' or 'kill_timeout', or raise"),
        ("prefetch: 2\n    batch: { size: 2, timeout: 1h }", 4, 3, "lower the batch's 'timeout', or raise"),
        (
            "prefetch: 9\n    rate_limit: { allowed: 1, interval: 1h }", 8, 17,
            "lower 'prefetch', or ease 'rate_limit', or raise"
        ),
    ])
    func `it points at what decides, and says what to lower`(job: String, line: Int, column: Int, help: String) throws {
        let text = JobFileFixture.withJob(job)
        let problem = try #require(JobFileFixture.problems(text).first)
        #expect((problem.line, problem.column) == (line, column))
        #expect(problem.help == "\(help) 'x-consumer-timeout', in milliseconds, under the queue's 'arguments'")
    }

    @Test func `what 'defaults' say is shown at the job`() throws {
        let text = JobFileFixture.withJob().replacing("jobs:", with: "defaults: { timeout: 1h }\njobs:")
        #expect(JobFileFixture.problems(text).map(\.line) == [5])
    }

    @Test func `a job that says nothing of time is left alone`() {
        #expect(self.warnings("prefetch: 65535\n    threads: 512").isEmpty)
    }

    @Test(arguments: [
        // What a job may hold for 10 minutes.
        ("{ arguments: { x-consumer-timeout: 600000 } }", "{}", ["consumer-timeout"]),
        ("{ arguments: { x-consumer-timeout: 600001 } }", "{}", []),
        ("{ arguments: { x-consumer-timeout: 1000 } }", "{ x-consumer-timeout: 600001 }", []),
        ("{ arguments: { x-consumer-timeout: 600001 } }", "{ x-consumer-timeout: 1000 }", ["consumer-timeout"]),
        ("{ arguments: { x-consumer-timeout: 0 } }", "{}", []),
        // Not for us to judge.
        ("{ arguments: { x-consumer-timeout: soon } }", "{}", []),
    ])
    func `the queue's argument counts, and the consumer's before it`(queue: String, consumer: String, ids: [String]) {
        let job = "timeout: 30s\n    consumer_arguments: \(consumer)"
        #expect(self.warnings(job, queue: queue).map(\.id) == ids)
    }

    @Test func `a classic queue is asked for what every RabbitMQ takes`() throws {
        let long = try #require(self.warnings("timeout: 1h", queue: "{ type: classic }").first)
        #expect(long.help == "lower 'prefetch' or 'timeout'; RabbitMQ 4.3 and later does not look at classic queues")
        let argument = "arguments: { x-consumer-timeout: 7200000 }"
        let refused = self.warnings("timeout: 1s", queue: "{ type: classic, \(argument) }")
        #expect(refused.map(\.id) == ["consumer-timeout"])
        #expect(refused.first?.message.contains("is refused (406) for a classic queue") == true, "\(refused)")
        let quorum = self.warnings("timeout: 1s", queue: "{ type: quorum, \(argument) }")
        #expect(!quorum.map(\.id).contains("consumer-timeout"))
        #expect(self.warnings("timeout: 1s", queue: "{ \(argument) }").isEmpty)
        let consumer = "timeout: 1s\n    consumer_arguments: { x-consumer-timeout: 7200000 }"
        #expect(self.warnings(consumer, queue: "{ type: classic }").count == 1)
    }

    @Test func `no number that the file may hold is too large to add up`() throws {
        let problem = try #require(
            self.warnings(
                "prefetch: 65535\n    threads: 512\n    kill_timeout: 24h\n"
                    + "    rate_limit: { allowed: 1, interval: 24h }"
            ).first
        )
        #expect(
            problem.message.contains("may hold the last of 65535 prefetched messages for 805294080h;"),
            "\(problem.message)"
        )
    }

    @Test(
        arguments: ["jobs.yaml", "Examples/LinkedIn/jobs.yaml"]
            + JobFileFixture.names(in: examples).map { "Examples/JobFiles/\($0)" }
    )
    func `the job files that come with Millrace leave time enough`(path: String) throws {
        #expect(try JobFile.load(path: "\(JobFileFixture.package)/\(path)", environment: [:]).warnings == [])
    }

    private static var examples: String { JobFileFixture.package + "/Examples/JobFiles" }
}
