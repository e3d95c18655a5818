import MillraceHandler
import MillraceTestRun
import MillraceTesting
import Testing

/// Faults on demand: what is published is done all the same.
@Suite(.timeLimit(.minutes(2))) struct TestRunFaultTests {
    private func run(_ yaml: String = RunPlugin.file("threads: 2")) async throws -> TestRun {
        try await TestRun(yaml: yaml, plugins: [RunPlugin.descriptor])
    }

    private func publish(_ run: TestRun, _ count: Int = 50) async throws {
        for number in 0..<count { try await run.publish("in", "\(number)") }
    }

    /// Each is done, once or more.
    private func expectAll(_ run: TestRun, _ count: Int = 50) async throws {
        let done = Set(try await run.queue("out").messages.map(\.bodyText))
        #expect(done.count == count)
    }

    @Test(arguments: [0, 1, 7, 100, 1017, 2500])
    func `a connection that is cut at an octet`(octets: Int) async throws {
        let run = try await self.run()
        try await run.cut(after: octets)
        try await self.publish(run)
        try await run.settle()
        try await self.expectAll(run)
        #expect(run.logs.contains { $0.text.contains("connection") && $0.level != .info }, "\(run.logs)")
    }

    @Test func `connections that are cut, and closed by an operator`() async throws {
        let run = try await self.run()
        try await self.publish(run)
        try await run.cut()
        try await run.settle()
        try await self.publish(run)
        try await run.closeConnections()
        try await run.settle()
        try await run.closeConnections("a fault", code: 541)
        try await self.publish(run)
        try await run.settle()
        #expect(run.logs.contains { $0.text.contains("541") }, "\(run.logs)")
        try await self.expectAll(run)
    }

    @Test func `what a job without acks loses with its connection is counted, and holds nothing up`() async throws {
        let run = try await self.run(RunPlugin.file("ack: { mode: none }", "threads: 2"))
        try await run.delay(.seconds(3600))
        try await self.publish(run)
        // All is on its way, and nothing gets there; what is connected anew does not wait.
        try await run.delay(.zero)
        try await run.cut()
        try await run.settle(expecting: .lost(50))
        try await self.publish(run)
        try await run.settle()
        try await self.expectAll(run)
    }

    @Test func `a channel that is closed with a code`() async throws {
        let run = try await self.run()
        try await self.publish(run)
        try await run.closeChannels(consuming: "in", code: 406)
        try await run.settle()
        try await self.expectAll(run)
        #expect(run.logs.contains { $0.text.contains("406") }, "\(run.logs)")
        await #expect(throws: TestRunError(.noConsumer("out"))) {
            try await run.closeChannels(consuming: "out", code: 406)
        }
    }

    @Test func `an alarm holds it up until it is over`() async throws {
        let run = try await self.run()
        try await self.publish(run, 1)
        try await run.settle()
        try await run.block()
        try await self.publish(run)
        let error = await #expect(throws: UnsettledError.self) { try await run.settle(limit: .milliseconds(300)) }
        guard case .stillMoving? = error?.problems.first else {
            Issue.record("\(String(describing: error))")
            return
        }
        try await run.unblock()
        try await run.settle()
        try await self.expectAll(run)
    }

    @Test func `a broker that is slow`() async throws {
        let run = try await self.run()
        try await run.delay(.milliseconds(20))
        try await self.publish(run)
        try await run.settle()
        try await self.expectAll(run)
        try await run.delay(.zero)
    }

    @Test func `a queue that refuses is tried again until it takes`() async throws {
        let run = try await self.run()
        try await run.refuse("out")
        try await self.publish(run, 3)
        await #expect(throws: UnsettledError.self) { try await run.settle(limit: .milliseconds(300)) }
        #expect(try await run.queue("out").count == 0)
        try await run.accept("out")
        try await run.settle()
        try await self.expectAll(run, 3)
        await #expect(throws: TestRunError.self) { try await run.refuse("none") }
    }

    @Test func `thirty runs at once know nothing of each other`() async throws {
        try await withThrowingTaskGroup { group in
            for number in 0..<30 {
                group.addTask {
                    let run = try await self.run()
                    try await run.publish("in", "late \(number % 3 + 1)", id: "m")
                    try await run.settle()
                    #expect(run.deliveries(of: "m").count == number % 3 + 1)
                    #expect(try await run.queue("out").count == 1)
                }
            }
            try await group.waitForAll()
        }
    }
}
