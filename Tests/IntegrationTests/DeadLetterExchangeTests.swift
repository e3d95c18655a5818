import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Fails as often as the message says, or rejects it; publishes what it succeeds with.
private struct Stubborn: SyncJobHandler {
    private let output: String
    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let words = String(decoding: message.bodyBytes, as: UTF8.self).split(separator: " ")
        if words[0] == "reject" { return .reject("not for us") }
        if message.attempt <= Int(words[1]) ?? 0 { return .retry("not yet") }
        try context.publish(message.bodyBytes, routingKey: self.output)
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.stubborn", Stubborn.self)])

/// Dead letters that go to an exchange, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct DeadLetterExchangeTests {
    private let input = Broker.unique("dlx")
    private var output: String { self.input + ".out" }
    private var exchange: String { self.input + ".x" }

    private func jobFile(_ more: String = "") throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues:
              \(self.input): { dead_letter: { exchange: \(self.exchange) } }
              \(self.output): {}
            \(more)
            jobs:
              work:
                queue: \(self.input)
                handler: tests.stubborn
                retry: { max_attempts: 3, initial_interval: 20ms, multiplier: 1, jitter: 0 }
                with: { output: "\(self.output)" }
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func withChannel(_ file: JobFile, _ body: (Channel) throws -> Void) throws {
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        try body(channel)
        for queue in [self.input, self.output, self.input + ".grave"] { try channel.deleteQueue(queue) }
    }

    @Test func `without a routing_key a dead letter keeps the key of its first publish, also after a retry`() throws {
        let shop = self.input + ".shop"
        let file = try self.jobFile(
            """
              \(self.input).grave: { bindings: [ { exchange: \(self.exchange), routing_key: "some.*" } ] }
            exchanges: { \(self.exchange): { type: topic }, \(shop): { type: topic } }
            """
        )
        try self.withChannel(file) { channel in
            try channel.bindQueue(self.input, to: shop, routingKey: "#")
            try channel.publish(Array("fail 9".utf8), exchange: shop, routingKey: "some.key")
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            try supervisor.whileRunning { #expect(supervisor.wait { $0.counts.rejected == 1 }) }
            let dead = try #require(try channel.get(self.input + ".grave", noAck: true))
            #expect(try dead.envelope.routingKey == "some.key")
            for exchange in [self.exchange, shop] { try channel.deleteExchange(exchange) }
        }
    }

    @Test func `a routing key that is not UTF-8 stays as it came, at the first attempt and at the last`() throws {
        let shop = self.input + ".shop"
        let file = try self.jobFile(
            """
              \(self.input).grave: { bindings: [ { exchange: \(self.exchange) } ] }
            exchanges: { \(self.exchange): { type: fanout }, \(shop): { type: fanout } }
            """
        )
        let key: [UInt8] = [0xFF, 0xC3, UInt8(ascii: "."), 0xE9]
        try self.withChannel(file) { channel in
            try channel.bindQueue(self.input, to: shop)
            for body in ["reject", "fail 9"] {
                _ = try body.utf8.map { $0 }.withUnsafeBytes { bytes throws in
                    try channel.publish(
                        bytes,
                        exchange: Array(shop.utf8),
                        routingKey: key,
                        properties: BasicProperties(),
                        mandatory: true,
                        token: 0
                    )
                }
            }
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            try supervisor.whileRunning { #expect(supervisor.wait { $0.counts.rejected == 2 }) }
            for _ in 0..<2 {
                let dead = try #require(try channel.get(self.input + ".grave", noAck: true))
                #expect(dead.routingKeyOctets == key)
            }
            for exchange in [self.exchange, shop] { try channel.deleteExchange(exchange) }
        }
    }

    @Test func `a dead-letter exchange that is not there costs no neighbour its copy`() throws {
        let file = try self.jobFile()
        try self.withChannel(file) { channel in
            for number in 0..<60 {
                let body = number % 6 == 5 ? "reject" : "fail 2 \(number)"
                try channel.publish(Array(body.utf8), routingKey: self.input)
            }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            try supervisor.whileRunning { #expect(supervisor.wait { $0.counts.acked >= 50 }) }
            #expect(supervisor.counts.acked == 50)
            #expect(supervisor.counts.retried == 100)
            #expect(supervisor.counts.rejected == 0)
            #expect(try channel.declareQueue(self.output, passive: true).messageCount == 50)
            #expect(try channel.declareQueue(self.input, passive: true).messageCount == 10)
        }
    }
}
