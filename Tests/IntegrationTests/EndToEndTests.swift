import AMQPClient
import AMQPWire
import Glibc
import TestSupport
import Testing

/// The built `millrace` with the built example plugin on a real RabbitMQ, stopped in every way there is.
@Suite(
    .ownThread,
    .serialized,
    .enabled(if: Broker.isThere && Tool.isBuilt, "needs AMQP_URL and a release build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct EndToEndTests {
    private static let orders = 20_000
    private let folder: Scratch
    private let input = Broker.unique("orders")
    private let output = Broker.unique("invoices")
    private let file: String

    init() throws {
        self.folder = try Scratch()
        self.file = try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection:
              uri: ${AMQP_URL}
              recovery: { initial_interval: 100ms, max_interval: 1s }
            plugins: ["\(Tool.plugin)"]
            queues:
              \(self.input): { dead_letter: { routing_key: \(self.input).dead } }
              \(self.output): {}
            jobs:
              orders:
                queue: \(self.input)
                handler: examples.order
                threads: 4
                prefetch: 50
                publish: { mode: confirm }
                with: { routing_key: "\(self.output)" }

            """
        )
    }

    /// Declares the queues and publishes numbered orders, every tenth a bad one.
    private func publishOrders(_ endpoint: Endpoint, uri: String) throws {
        let declared = try Tool.run(Tool.millrace, ["declare", self.file], environment: ["AMQP_URL": uri])
        #expect(declared.status == 0, "\(declared.errors)")
        let connection = try Broker.connect(to: endpoint)
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.deliveryMode = 2
        for number in 0..<Self.orders {
            let quantity = Self.isBad(number) ? 0 : 1
            let order =
                "{\"id\":\"\(number)\",\"customer\":\"c\",\"currency\":\"EUR\","
                + "\"lines\":[{\"sku\":\"a\",\"quantity\":\(quantity),\"unit_price\":\"1.00\"}]}"
            try channel.publish(Array(order.utf8), routingKey: self.input, properties: properties)
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        connection.close()
    }

    private static func isBad(_ number: Int) -> Bool { number % 10 == 9 }
    private static let good = Self.orders - Self.orders / 10

    /// Collects invoices until there are `count` different ones; gives how often each order was billed.
    private func collect(_ count: Int, into bills: inout [String: Int], on endpoint: Endpoint) throws {
        let connection = try Broker.connect(to: endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        channel.batchAcks(100)
        try channel.prefetch(1000)
        try channel.consume(self.output)
        while bills.count < count {
            guard let delivery = try channel.nextDelivery(timeout: Patience.long) else {
                Issue.record("only \(bills.count) of \(count) invoices came")
                return
            }
            let order = try #require(try delivery.properties.correlationID)
            bills[order, default: 0] += 1
            try channel.ack(delivery)
        }
        // What comes after the last one is a duplicate.
        while let delivery = try channel.nextDelivery(timeout: .milliseconds(200)) {
            bills[try #require(try delivery.properties.correlationID), default: 0] += 1
            try channel.ack(delivery)
        }
    }

    private func expectEmptyInput(_ endpoint: Endpoint) throws -> Int {
        let connection = try Broker.connect(to: endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        #expect(try channel.declareQueue(self.input, passive: true).messageCount == 0)
        return try channel.declareQueue(self.input + ".dead", passive: true).messageCount
    }

    @Test(arguments: [SIGTERM, SIGKILL])
    func `stopped in mid-load and run again: every message is handled, none is lost`(signal: Int32) throws {
        let uri = try #require(Broker.uri)
        let endpoint = try Broker.endpoint()
        try self.publishOrders(endpoint, uri: uri)
        let report = self.folder.path + "/report.json"
        let first = try Tool.start(Tool.millrace, ["run", self.file, "--log-format", "json", "--report", report])
        var bills: [String: Int] = [:]
        try self.waitForInvoices(1000, endpoint)
        first.send(signal)
        let status = first.waitForExit()
        if signal == SIGTERM { #expect(status == 0) }
        let second = try Tool.run(Tool.millrace, ["run", self.file, "--once", "--log-format", "json"])
        #expect(second.status == 0, "\(second.errors.suffix(2000))")
        try self.collect(Self.good, into: &bills, on: endpoint)
        #expect(bills.count == Self.good)
        #expect(Set(bills.keys) == Set((0..<Self.orders).filter { !Self.isBad($0) }.map(String.init)))
        let dead = try self.expectEmptyInput(endpoint)
        if signal == SIGTERM {
            // A drain gives back what was not begun and finishes what was: nothing is done twice.
            #expect(bills.values.allSatisfy { $0 == 1 })
            #expect(dead == Self.orders / 10)
        } else {
            #expect(dead >= Self.orders / 10)
        }
        try self.removeQueues(endpoint)
    }

    /// Looks at the queue's length, one round trip after the other, until it has grown enough.
    private func waitForInvoices(_ count: Int, _ endpoint: Endpoint) throws {
        let connection = try Broker.connect(to: endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        while try channel.declareQueue(self.output, passive: true).messageCount < count {
            #expect(try channel.nextDelivery(timeout: .milliseconds(5)) == nil)
        }
    }

    private func removeQueues(_ endpoint: Endpoint) throws {
        let connection = try Broker.connect(to: endpoint)
        let channel = try connection.openChannel()
        for queue in [self.input, self.input + ".dead", self.output] { try channel.deleteQueue(queue) }
        connection.close()
    }

    @Test func `the broker killed in mid-run and started again: the supervisor reconnects, nothing is lost`() throws {
        let folder = self.folder.path + "/broker"
        let tool = Tool.root + "ops/rabbitmq"
        let started = try Tool.boot(tool, ["start", "--dir", folder])
        #expect(started.status == 0, "\(started.errors)")
        defer { _ = try? Tool.run(tool, ["stop", "--delete", "--dir", folder]) }
        let line = try #require(started.output.split(separator: "\n").first { $0.hasPrefix("AMQP_URL=") })
        let uri = String(line.dropFirst("AMQP_URL=".count))
        let endpoint = try Endpoint(uri: uri)
        try self.publishOrders(endpoint, uri: uri)
        let process = try Tool.start(
            Tool.millrace,
            ["run", self.file, "--log-format", "json"],
            environment: ["AMQP_URL": uri]
        )
        try self.waitForInvoices(1000, endpoint)
        #expect(try Tool.run(tool, ["kill", "--dir", folder]).status == 0)
        #expect(try Tool.boot(tool, ["start", "--dir", folder]).status == 0)
        var bills: [String: Int] = [:]
        try self.collect(Self.good, into: &bills, on: endpoint)
        #expect(bills.count == Self.good)
        process.send(SIGTERM)
        #expect(process.waitForExit() == 0)
        #expect(try self.expectEmptyInput(endpoint) >= Self.orders / 10)
        let twice = bills.values.filter { $0 > 1 }.count
        print("orders billed more than once after the kill: \(twice)")
    }
}
