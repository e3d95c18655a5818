import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// The example of the client's documentation, run as it is.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
struct ConsumerExampleTests {
    private static let program = Tool.root + ".build/debug/millrace-consumer"

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: Self.program), "needs a debug build"))
    func `it prints and acks what is in its queue`() async throws {
        try await OwnThread.run {
            let queue = Broker.unique("example")
            let connection = try Broker.connect()
            let channel = try connection.openChannel()
            _ = try channel.declareQueue(queue)
            try channel.selectConfirms()
            for word in ["one", "two", "three"] { try channel.publish(Array(word.utf8), routingKey: queue) }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            let result = try Tool.run(Self.program, [queue, "3"], environment: ["AMQP_URL": Broker.uri ?? ""])
            #expect(result.output == "one\ntwo\nthree\n", "\(result.errors)")
            #expect(result.status == 0)
            #expect(try channel.declareQueue(queue, passive: true).messageCount == 0)
            try channel.deleteQueue(queue)
            connection.close()
        }
    }
}
