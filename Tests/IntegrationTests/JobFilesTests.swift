import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// The job files of `Examples/JobFiles`, run by the built `millrace` as their first lines say.
@Suite(
    .ownThread,
    .serialized,
    .enabled(if: Broker.isThere && Tool.isBuilt, "needs AMQP_URL and a release build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct JobFilesTests {
    private static let folder = Tool.root + "Examples/JobFiles/"

    private static let files = (try? FileManager.default.contentsOfDirectory(atPath: Self.folder))?.sorted() ?? []

    @Test func `there are some`() { #expect(Self.files.contains("publishing.yaml")) }

    @Test(arguments: Self.files)
    func `each is right, and runs until its queues are empty`(file: String) throws {
        let path = Self.folder + file
        let scratch = try Scratch()
        let environment = ["LEDGER": scratch.path + "/ledger.tsv"]
        let checked = try Tool.run(Tool.millrace, ["check", path], environment: environment)
        #expect(checked.status == 0, "\(checked.output) \(checked.errors)")
        let ran = try Tool.run(Tool.millrace, ["run", path, "--once"], environment: environment)
        #expect(ran.status == 0, "\(ran.errors)")
    }

    @Test func `publishing.yaml: each order has its invoice, in both modes`() throws {
        let path = Self.folder + "publishing.yaml"
        #expect(try Tool.run(Tool.millrace, ["declare", path]).status == 0)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for number in 0..<500 {
            let order =
                "{\"id\":\"\(number)\",\"customer\":\"c\",\"currency\":\"EUR\","
                + "\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"unit_price\":\"1.00\"}]}"
            for queue in ["publishing.web", "publishing.shop"] {
                try channel.publish(Array(order.utf8), routingKey: queue)
            }
        }
        #expect(try channel.awaitConfirms(timeout: .seconds(60)) == [])
        let ran = try Tool.run(Tool.millrace, ["run", path, "--once"])
        #expect(ran.status == 0, "\(ran.errors)")
        #expect(try channel.declareQueue("publishing.invoices", passive: true).messageCount == 1000)
        for queue in ["publishing.web", "publishing.shop"] {
            #expect(try channel.declareQueue(queue, passive: true).messageCount == 0)
            try channel.deleteQueue(queue)
        }
        try channel.deleteQueue("publishing.invoices")
    }
}
