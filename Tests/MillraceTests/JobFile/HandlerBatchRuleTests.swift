import Millrace
import Testing

/// A job's `batch`.
@Suite struct HandlerBatchRuleTests {
    private func batch(_ lines: String...) throws -> HandlerBatch? {
        let text = JobFileFixture.withJob(lines.joined(separator: "\n    "))
        return try JobFileFixture.parse(text).jobs.first?.batch
    }

    @Test func `what is said, and what is not`() throws {
        #expect(
            try self.batch("batch: { size: 20, timeout: 50ms }") == HandlerBatch(size: 20, timeout: .milliseconds(50))
        )
        #expect(try self.batch("batch: { size: 7 }") == HandlerBatch(size: 7, timeout: .milliseconds(100)))
        #expect(try self.batch("batch: { timeout: 0s }") == HandlerBatch(size: 20, timeout: .zero))
        #expect(try self.batch("batch:") == HandlerBatch(size: 20, timeout: .milliseconds(100)))
        #expect(try self.batch("batch:", "prefetch: 500") == HandlerBatch(size: 100, timeout: .milliseconds(100)))
        #expect(try self.batch("threads: 1") == nil)
    }

    @Test(arguments: [
        ("batch: { size: 21 }", ["conflict"]),
        ("prefetch: 500\n    batch: { size: 500 }", []),
        ("prefetch: 500\n    batch: { size: 501 }", ["conflict"]),
        // Without acks the broker sends whatever it has.
        ("ack: none\n    publish: { mode: none }\n    batch: { size: 1000 }", []),
        ("batch: { size: 0 }", ["out-of-range"]),
        ("batch: { size: 5, timeout: 2h }", ["out-of-range"]),
        ("batch: { size: 5, timeout: 50 }", ["duration-unit"]),
        ("batch: 5", ["wrong-type"]),
        ("batch: { size: 5, mode: list }", ["unknown-key"]),
        ("batch: { batch_size: 5, max_wait: 1s }", ["foreign-word", "foreign-word"]),
        ("batch_size: 5\n    batch_timeout: 1s", ["foreign-word", "foreign-word"]),
        ("tasks_per_thread: 2\n    batch: { size: 5 }", ["conflict"]),
        ("tasks_per_thread: 1\n    batch: { size: 5 }", []),
    ])
    func `what can not be is refused`(lines: String, ids: [String]) {
        #expect(JobFileFixture.problems(JobFileFixture.withJob(lines)).map(\.id) == ids)
    }

    @Test func `the conflict with prefetch says what to do`() throws {
        let problem = try #require(JobFileFixture.problems(JobFileFixture.withJob("batch: { size: 21 }")).first)
        #expect(problem.message == "a batch of 21 never fills with a prefetch of 20: the broker sends no more")
        #expect(problem.help == "raise 'prefetch' to at least the batch's size; twice that keeps the next one coming")
        #expect(problem.line == 7)
    }

    @Test func `the prefetch of defaults counts, and a batch is no default: it belongs to a handler`() {
        let defaults = "version: 1\ndefaults: { prefetch: 50 }\n"
        let text = JobFileFixture.withJob("batch: { size: 50 }").replacing("version: 1\n", with: defaults)
        #expect(JobFileFixture.problems(text).isEmpty)
        let batch = "version: 1\ndefaults: { batch: { size: 5 } }\n"
        let wrong = JobFileFixture.withJob("threads: 1").replacing("version: 1\n", with: batch)
        let problems = JobFileFixture.problems(wrong)
        #expect(problems.map(\.id) == ["unknown-key"])
        #expect(problems.first?.help?.hasPrefix("'batch' belongs in a job") == true)
    }
}
