import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// `Examples/JobFiles/batches.yaml`, run as it is.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .timeLimit(.minutes(10))
)
struct BatchExampleTests {
    private static let millrace = Tool.root + ".build/debug/millrace"
    private static let file = Tool.root + "Examples/JobFiles/batches.yaml"

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: Self.millrace), "needs a debug build"))
    func `each order becomes a line of the ledger, and the bad ones dead letters`() throws {
        let folder = try Scratch()
        let ledger = folder.path + "/ledger.tsv"
        let environment = [
            "AMQP_URL": Broker.uri ?? "", "EXAMPLES": Tool.root + ".build/debug/libExamples.so", "LEDGER": ledger,
        ]
        #expect(try Tool.run(Self.millrace, ["check", Self.file], environment: environment).status == 0)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        defer { for queue in ["examples.ledger", "examples.ledger.dead"] { _ = try? channel.deleteQueue(queue) } }
        #expect(try Tool.run(Self.millrace, ["declare", Self.file], environment: environment).status == 0)
        try channel.selectConfirms()
        for number in 0..<450 {
            let quantity = number % 10 == 3 ? 0 : 2
            let order =
                "{\"id\":\"o\(number)\",\"customer\":\"c\",\"currency\":\"EUR\","
                + "\"lines\":[{\"sku\":\"a\",\"quantity\":\(quantity),\"unit_price\":\"1.50\"}]}"
            try channel.publish(Array(order.utf8), routingKey: "examples.ledger")
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let result = try Tool.run(Self.millrace, ["run", "--once", Self.file], environment: environment)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("job=ledger batch="), "LoggingMiddleware is around it: \(result.errors)")
        let lines = try String(contentsOfFile: ledger, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(lines == (0..<450).filter { $0 % 10 != 3 }.map { "o\($0)\tc\t300\tEUR" })
        #expect(try channel.declareQueue("examples.ledger.dead", passive: true).messageCount == 45)
    }
}
