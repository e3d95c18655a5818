import MillraceHandler
import MillraceTesting
import Testing

@Suite struct SyncHandlerTests {
    private func greeting() async throws -> JobTester {
        try await JobTester(Greeting.self, options: ["routing_key": "greetings"])
    }

    @Test func `an ack comes with its outputs, its log and its metrics`() async throws {
        let result = try await self.greeting().run("Ada")
        #expect(result.outcome == .ack)
        #expect(result.outputs == [Publication(Array("hello, Ada (1)".utf8), routingKey: "greetings")])
        #expect(result.outputs.map(\.bodyText) == ["hello, Ada (1)"])
        #expect(result.dropped.isEmpty)
        #expect(result.logs == [LogLine(.info, "greeting Ada")])
        #expect(
            result.metrics == [
                RecordedMetric(.counter, "greetings_total", 1), RecordedMetric(.recording, "name_octets", 3),
            ]
        )
        #expect(result.metrics.count(of: "greetings_total") == 1)
        #expect(result.metrics.recordings(of: "name_octets") == [3])
        #expect(result.metrics.count(of: "name_octets") == 0)
    }

    @Test(
        arguments: [
            ("nobody", .discard("there is nobody")), ("later", .snooze(.milliseconds(1500))), ("again", .requeue),
            ("stop", .stop("no more greetings")), ("broken", .retry("the voice is gone")),
            ("hopeless", .reject("nothing can help it")),
        ] as [(String, Outcome)]
    )
    func `what does not end in ack publishes nothing, as in a supervisor`(name: String, outcome: Outcome) async throws {
        let result = try await self.greeting().run(TestMessage(name))
        #expect(result.outcome == outcome)
        #expect(result.outputs.isEmpty)
        #expect(result.dropped.map(\.bodyText) == ["hello, \(name) (1)"])
    }

    @Test func `a hold of the job is recorded, and holds nothing here`() async throws {
        let tester = try await self.greeting()
        let result = try await tester.run("busy")
        #expect(result.outcome == .requeue && result.outputs.isEmpty)
        #expect(result.holds == [RecordedHold(.seconds(30), "429 from the mail service")])
        let next = try await tester.run(["Ada", "busy", "busy"])
        #expect(next.outcomes == [.ack, .requeue, .requeue] && next.holds.count == 2)
        #expect(try await tester.run("Ada").holds.isEmpty)
    }

    @Test func `one instance handles one message after the other, and keeps what it keeps`() async throws {
        let tester = try await self.greeting()
        let all = try await tester.run(["Ada", TestMessage(body: [0xFF]), "Grace"])
        #expect(all.outcomes == [.ack, .reject("the name is not UTF-8"), .ack])
        #expect(all.outputs.map(\.bodyText) == ["hello, Ada (1)", "hello, Grace (2)"])
        #expect(all.messages.map { $0.logs.map(\.text) } == [["greeting Ada"], [], ["greeting Grace"]])
        #expect(all.logs.map(\.text) == ["greeting Ada", "greeting Grace"])
        #expect(all.failure == nil)
        #expect(try await tester.run("Edsger").outputs.first?.bodyText == "hello, Edsger (3)")
        #expect(try await tester.run("Edsger").logs.count == 1, "a run has its own lines alone")
        #expect(try await tester.run([]).messages.isEmpty)
    }

    @Test func `options that are missing, or wrong, are refused in the handler's words`() async throws {
        let missing = await #expect(throws: JobTesterError.self) { try await JobTester(Greeting.self) }
        #expect(missing?.description == "handler 'test.Greeting' does not start: option 'routing_key' is missing")
        let wrong = await #expect(throws: JobTesterError.self) {
            try await JobTester(Greeting.self, options: ["routing_key": 5])
        }
        #expect(
            wrong?.problem == .doesNotStart(handler: "test.Greeting", reason: "option 'routing_key' must be a text")
        )
    }

    @Test func `options of every kind come as the job file would give them`() async throws {
        let path = "/tmp/x"
        let options: HandlerOptions = [
            "text": "a \"b\"\n", "number": 5, "real": 0.5, "flag": true, "list": ["a", "b"], "nothing": nil,
            "deep": ["key": [1, ["x": false]]], "path": .string(path), "interpolated": "\(path)/y", "negative": -3,
            "values": .array([.int(1), .double(2.5), .bool(true)]),
        ]
        let seen = Seen()
        let definition = HandlerDefinition.sync("a.b") { options in
            try seen.note([
                options.string("text"), "\(options.int("number"))", "\(options.double("real"))",
                "\(options.bool("flag"))", options.strings("list").joined(), "\(options.contains("nothing"))",
                options.string("path"), options.string("interpolated"), "\(options.int("negative"))",
            ])
            return Renumber(options)
        }
        _ = try await JobTester(definition, options: options)
        #expect(
            seen.lines == [
                "a \"b\"\n", "5", "0.5", "true", "ab", "false", "/tmp/x", "/tmp/x/y", "-3",
            ]
        )
    }

    @Test func `a typed handler gets its value, and a body that is none is rejected with the place`() async throws {
        let tester = try await JobTester(Renumber.self)
        let result = try await tester.run(TestMessage(json: Order(id: 7, customer: "Ada")))
        #expect(result.outcome == .ack)
        #expect(try result.outputs.map { try $0.decode(Order.self) } == [Order(id: 8, customer: "Ada")])
        #expect(result.outputs.first?.contentType == "application/json")
        #expect(try await tester.run(#"{"id": "x"}"#).outcome == .reject("id: expected a whole number, got a string"))
    }

    @Test func `what one handler publishes is what the next one gets`() async throws {
        let tester = try await JobTester(Renumber.self)
        let first = try await tester.run(TestMessage(json: Order(id: 1, customer: "Ada")))
        let second = try await tester.run(first.outputs.map { TestMessage($0) })
        #expect(try second.outputs.map { try $0.decode(Order.self).id } == [3])
    }

    @Test func `isCancelled is false as often as the test says, then true`() async throws {
        let tester = try await JobTester { message, context in
            var looks = 0
            while !context.isCancelled { looks += 1 }
            return .retry("\(looks) looks")
        }
        #expect(try await tester.run("x", ending: .afterLooks(3)).outcome == .retry("3 looks"))
        #expect(try await tester.run("x", ending: .atOnce).outcome == .retry("0 looks"))
        #expect(try await tester.run("x", ending: .afterLooks(0)).outcome == .retry("0 looks"))
        let never = try await JobTester { _, context in context.isCancelled ? .requeue : .ack }
        #expect(try await never.run("x").outcome == .ack, "a run says nothing about the next one")
    }

    @Test func `the job's name is the one that the test gives`() async throws {
        let tester = try await JobTester(job: "greetings") { _, context in .discard(context.jobName) }
        #expect(try await tester.run("x").outcome == .discard("greetings"))
    }
}
