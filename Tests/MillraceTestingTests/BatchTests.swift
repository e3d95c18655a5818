import MillraceHandler
import MillraceTesting
import Testing

@Suite struct BatchTests {
    @Test func `each message of a batch has its own outcome, outputs and lines`() async throws {
        let results = try await JobTester(Insert.self).run(["a", "bad", "c"])
        #expect(results.outcomes == [.ack, .reject("no row"), .ack])
        #expect(results.outputs.map(\.bodyText) == ["a", "c"])
        #expect(results.messages[1].dropped.map(\.bodyText) == ["bad"])
        #expect(results.messages.map { $0.logs.map(\.text) } == [["row a"], ["row bad"], ["row c"]])
        #expect(results.logs.first == LogLine(.info, "a batch of 3"))
        #expect(results.metrics == [RecordedMetric(.counter, "rows_total", 3)])
        #expect(results.failure == nil)
    }

    @Test func `a batch that throws is handled one by one, and the guilty one alone fails`() async throws {
        let results = try await JobTester(Insert.self).run(["a", "poison", "c"])
        #expect(results.failure == "the insert failed")
        #expect(results.outcomes == [.ack, .retry("the insert failed"), .ack])
        #expect(results.outputs.map(\.bodyText) == ["a", "c"], "what the whole batch had published is dropped")
        #expect(
            results.logs.map(\.text).filter { $0.hasPrefix("a batch") } == ["a batch of 3"]
                + Array(repeating: "a batch of 1", count: 3)
        )
    }

    @Test func `one message is a batch of one, whose error is its own`() async throws {
        let tester = try await JobTester(Insert.self)
        #expect(try await tester.run("a").outcome == .ack)
        #expect(try await tester.run("poison").outcome == .retry("the insert failed"))
        #expect(try await tester.run(["poison"]).failure == nil)
        #expect(try await tester.run([]).outcomes.isEmpty)
    }

    @Test func `a batch is asked to end as a whole`() async throws {
        let results = try await JobTester(Insert.self).run(["a", "bad"], ending: .atOnce)
        #expect(results.outcomes == [.requeue, .reject("no row")])
    }
}
