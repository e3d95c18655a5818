import MillraceHandler
import MillraceTestRun
import MillraceTesting
import Testing

private struct Order: Codable, Sendable {
    let id: Int
}

private struct Bill: Codable, Equatable {
    let order: Int
}

/// Makes a bill of an order; of order 13 it makes none.
private struct Billing: SyncTypedJobHandler {
    init(_ options: HandlerOptions) {}

    func handle(_ order: Order, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        guard order.id != 13 else { return .retry("the printer is out of paper") }
        try context.publish(Publication(json: Bill(order: order.id), routingKey: "bills"))
        return .ack
    }
}

private let plugin = MillracePlugin(name: "billing", [.sync("billing.order", Billing.self)])
private func millracePlugin() -> PluginDescriptor { plugin.descriptor }

/// The code of the guide.
@Suite(.timeLimit(.minutes(2))) struct GuideTests {
    private static let file = """
        version: 1
        connection: { uri: "${AMQP_URL:-amqp://127.0.0.1}" }
        queues: { orders: {}, bills: {} }
        jobs:
          billing:
            queue: orders
            handler: billing.order
            retry: { max_attempts: 4, initial_interval: 10m, jitter: 0 }
        """

    @Test func `an order is billed`() async throws {
        let run = try await TestRun(yaml: Self.file, plugins: [millracePlugin()])
        try await run.publish("orders", json: Order(id: 7), id: "o-7")
        try await run.settle()
        #expect(run.outcome(of: "o-7") == .ack)
        let bills = try await run.queue("bills").messages
        #expect(try bills.map { try $0.decode(Bill.self) } == [Bill(order: 7)])
    }

    @Test func `an order that can not be billed is tried for more than an hour`() async throws {
        let run = try await TestRun(yaml: Self.file, plugins: [millracePlugin()])
        try await run.publish("orders", json: Order(id: 13), id: "o-13")
        try await run.settle(expecting: .deadLetters(1))
        #expect(run.deliveries(of: "o-13").map(\.attempt) == [1, 2, 3, 4])
        #expect(try await run.queue("orders.dead").count == 1)
    }

    @Test func `the second attempt comes after ten minutes`() async throws {
        let run = try await TestRun(yaml: Self.file, plugins: [millracePlugin()])
        try await run.publish("orders", json: Order(id: 13), id: "o-13")
        try await run.advance(by: .seconds(9 * 60))
        #expect(run.deliveries(of: "o-13").count == 1)
        try await run.advance(by: .seconds(60))
        #expect(run.deliveries(of: "o-13").count == 2)
    }

    @Test func `no order is lost when the broker goes`() async throws {
        let run = try await TestRun(yaml: Self.file, plugins: [millracePlugin()])
        try await run.cut(after: 1_017)
        for id in 20..<40 { try await run.publish("orders", json: Order(id: id)) }
        try await run.settle()
        let bills = try await run.queue("bills").messages.map { try $0.decode(Bill.self).order }
        #expect(Set(bills) == Set(20..<40))
    }
}
