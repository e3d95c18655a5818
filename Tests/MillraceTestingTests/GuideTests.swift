import MillraceHandler
import MillraceTesting
import Testing

/// What the guide shows.
@Suite struct GuideTests {
    struct Clock: Sendable { var hour: Int }

    struct Bill: Codable, Equatable {
        var order: Int
        var tax: Int
    }

    struct Billing: SyncTypedJobHandler {
        private let routingKey: String
        private let tax: Int
        private let clock: Clock

        init(_ options: HandlerOptions) throws { try self.init(options, clock: Clock(hour: 0)) }

        init(_ options: HandlerOptions, clock: Clock) throws {
            self.routingKey = try options.string("routing_key")
            self.tax = try options.int("tax_permille", default: 0)
            self.clock = clock
        }

        func handle(_ order: Order, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            guard self.clock.hour < 12 else { return .snooze(.seconds(3600)) }
            context.log("billed \(order.id)")
            context.count("bills_total")
            try context.publish(Publication(json: Bill(order: order.id, tax: self.tax), routingKey: self.routingKey))
            return .ack
        }
    }

    @Test func `an order is billed`() async throws {
        let tester = try await JobTester(Billing.self, options: ["routing_key": "invoices", "tax_permille": 190])
        let result = try await tester.run(TestMessage(json: Order(id: 7, customer: "Ada")))
        #expect(result.outcome == .ack)
        #expect(try result.outputs.first?.decode(Bill.self) == Bill(order: 7, tax: 190))
        #expect(result.logs == [LogLine(.info, "billed 7")])
        #expect(result.metrics.count(of: "bills_total") == 1)
    }

    @Test func `without its option it does not start`() async throws {
        let error = await #expect(throws: JobTesterError.self) { try await JobTester(Billing.self) }
        #expect(error?.description == "handler 'test.Billing' does not start: option 'routing_key' is missing")
    }

    @Test func `a plugin's handler by its name`() async throws {
        let billingPlugin = MillracePlugin(name: "billing", [.sync("billing.order", Billing.self)])
        let tester = try await JobTester(
            plugin: billingPlugin.descriptor,
            handler: "billing.order",
            options: ["routing_key": "invoices"]
        )
        #expect(try await tester.run("no order").outcome != .ack)
    }

    @Test func `middleware alone`() async throws {
        let tester = try await JobTester(middleware: [TenantMiddleware()]) { message, context in
            try context.publish(message.bodyBytes, routingKey: "out")
            return .ack
        }
        let result = try await tester.run(TestMessage(body: "x", headers: ["tenant": .string("blue")]))
        #expect(result.outputs.map(\.headers) == [["tenant": .string("blue")]])
        #expect(try await tester.run("x").outcome == .reject("no tenant"))
    }

    @Test func `a handler with doubles`() async throws {
        let noon = Clock(hour: 12)
        let options: HandlerOptions = ["routing_key": "invoices"]
        let tester = try await JobTester(
            .sync("billing.order", making: { try Billing($0, clock: noon) }),
            options: options
        )
        let result = try await tester.run(TestMessage(json: Order(id: 7, customer: "Ada")))
        #expect(result.outcome == .snooze(.seconds(3600)))
    }
}
