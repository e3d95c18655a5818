import MillraceHandler
import MillraceTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct WaitingHandlerTests {
    @Test func `a handler that waits gives what it says in the end`() async throws {
        let result = try await JobTester(Sleeper.self).run("a moment")
        #expect(result.outcome == .ack)
        #expect(result.outputs.map(\.bodyText) == ["a moment"])
        #expect(result.logs.map(\.text) == ["begin a moment", "end a moment"])
    }

    @Test func `several are in hand at once on the one thread`() async throws {
        let results = try await JobTester(Sleeper.self).run(["a", "b", "c"])
        #expect(results.outcomes == [.ack, .ack, .ack])
        #expect(results.logs.prefix(3).map(\.text) == ["begin a", "begin b", "begin c"])
        #expect(Set(results.logs.dropFirst(3).map(\.text)) == ["end a", "end b", "end c"])
        #expect(results.messages.map { $0.logs.map(\.text) } == ["a", "b", "c"].map { ["begin \($0)", "end \($0)"] })
        #expect(results.messages.map { $0.outputs.map(\.bodyText) } == [["a"], ["b"], ["c"]])
    }

    @Test func `one that would sleep for an hour is asked when it waits, and takes no time`() async throws {
        let result = try await JobTester(Sleeper.self).run("for ever", ending: .whenItWaits)
        #expect(result.outcome == .retry("CancellationError()"))
        #expect(result.logs.map(\.text) == ["begin for ever"])
    }

    @Test func `what never waits for others is not asked`() async throws {
        #expect(try await JobTester(Sleeper.self).run("a moment", ending: .whenItWaits).outcome == .ack)
    }

    @Test func `its task is cancelled before its first line, or at the look that the test names`() async throws {
        let tester = try await JobTester(Sleeper.self)
        #expect(try await tester.run("cancelled?", ending: .atOnce).outcome == .requeue)
        #expect(try await tester.run("cancelled?").outcome == .ack)
        #expect(try await tester.run("looks", ending: .afterLooks(4)).outcome == .retry("4 looks, cancelled true"))
    }

    @Test func `a handler that does not end is an error of the test, not its end`() async throws {
        let tester = try await JobTester(Sleeper.self)
        let error = await #expect(throws: JobTesterError.self) {
            try await tester.run("for ever", limit: .milliseconds(50))
        }
        #expect(error?.problem == .stillRunning(.milliseconds(50)))
        #expect(error?.description.hasPrefix("the handler has not ended after 50ms") == true)
        tester.endEarly()
        #expect(try await tester.run("a moment").outcome == .ack, "the next run begins when the first has ended")
    }

    @Test func `a test that is cancelled asks the handler to end`() async throws {
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let tester = try await JobTester(awaiting: { _, context in
            beginning.finish()
            try await ContinuousClock().sleep(for: .seconds(3600))
            return .ack
        })
        let running = Task { try await tester.run("x") }
        for await _ in begun {}
        running.cancel()
        #expect(try await running.value.outcome == .retry("CancellationError()"))
    }

    @Test func `a typed handler that waits gets its value`() async throws {
        let result = try await JobTester(SlowRenumber.self).run(TestMessage(json: Order(id: 1, customer: "Ada")))
        #expect(try result.outputs.map { try $0.decode(Order.self).id } == [2])
    }
}
