import MillraceHandler
import MillraceTesting
import Testing

@Suite struct PluginTests {
    private static let plugin = MillracePlugin(
        name: "greetings",
        middleware: [TenantMiddleware()],
        [
            .sync("greetings.hello", Greeting.self), .async("greetings.sleep", Sleeper.self),
            .batch("greetings.insert", Insert.self),
            .sync("greetings.patient", Greeting.self).wrapped(in: [PatientMiddleware()]),
        ]
    )
    private static let blue: [String: HeaderValue] = ["tenant": .string("blue")]

    private func tester(_ handler: String) async throws -> JobTester {
        try await JobTester(plugin: Self.plugin.descriptor, handler: handler, options: ["routing_key": "r"])
    }

    @Test(arguments: ["greetings.hello", "greetings.sleep", "greetings.patient", "greetings.insert"])
    func `a plugin's handler runs inside all of its middleware`(handler: String) async throws {
        let tester = try await self.tester(handler)
        #expect(try await tester.run("Ada").outcome == .reject("no tenant"))
        let result = try await tester.run(TestMessage(body: "Ada", headers: Self.blue))
        #expect(result.outcome == .ack)
        // Around a batch this middleware changes no context.
        let headers = handler == "greetings.insert" ? [:] : Self.blue
        #expect(result.outputs.map(\.headers) == [headers])
    }

    @Test func `a batch with a message that middleware keeps back`() async throws {
        let results = try await self.tester("greetings.insert").run([
            "a", TestMessage(body: "b", headers: Self.blue), TestMessage(body: "bad", headers: Self.blue),
        ])
        #expect(results.outcomes == [.reject("no tenant"), .ack, .reject("no row")])
        #expect(results.metrics.count(of: "rows_total") == 2)
    }

    @Test func `a name that the plugin does not have is shown with those that it has`() async throws {
        let error = await #expect(throws: JobTesterError.self) { try await self.tester("greetings.helo") }
        #expect(
            error?.description
                == "plugin 'greetings' offers no handler 'greetings.helo'; there are greetings.hello, greetings.insert,"
                + " greetings.patient, greetings.sleep"
        )
    }

    @Test func `middleware that can not go around a batch is named`() async throws {
        let error = await #expect(throws: JobTesterError.self) {
            try await JobTester(Insert.self, middleware: [PatientMiddleware()])
        }
        #expect(error?.description.contains("PatientMiddleware would not run around it") == true)
    }

    @Test func `the middleware of the product reports as it does in a supervisor`() async throws {
        let tester = try await JobTester(
            Greeting.self,
            options: ["routing_key": "r"],
            middleware: [MetricsMiddleware(), LoggingMiddleware(), TracingMiddleware()]
        )
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let result = try await tester.run(TestMessage(body: "Ada", headers: ["traceparent": .string(parent)]))
        #expect(result.outputs.map { $0.headers["traceparent"] } == [.string(parent)])
        #expect(result.logs.count == 2)
        #expect(result.metrics.contains { $0.name != "greetings_total" && $0.kind == .counter })
    }

    @Test func `a handler made by a closure has the doubles of its test`() async throws {
        struct Clock { let now: Int }
        struct Timed: SyncJobHandler {
            let clock: Clock
            init(_ options: HandlerOptions) { self.clock = Clock(now: 0) }
            init(clock: Clock) { self.clock = clock }
            func handle(_ message: borrowing Message, _ context: JobContext) -> Outcome {
                .discard("\(self.clock.now)")
            }
        }
        let clock = Clock(now: 4711)
        let tester = try await JobTester(.sync("a.b", making: { _ in Timed(clock: clock) }))
        #expect(try await tester.run("x").outcome == .discard("4711"))
    }
}
