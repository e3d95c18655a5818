import AMQPClient
import AMQPWire
import NIOPosix

/// A consumer on AMQPClient alone: prints what it gets from a queue, and ends after so many messages.
///
///     AMQP_URL=amqp://localhost millrace-consumer QUEUE COUNT
@main
enum Consumer {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 2, let queue = arguments.first, let count = arguments.last.flatMap({ Int($0) }) else {
            return print("usage: millrace-consumer QUEUE COUNT")
        }
        do throws(AMQPError) {
            try Self.consume(queue, count)
        } catch {
            print("failed: \(error)")
        }
    }

    private static func consume(_ queue: String, _ count: Int) throws(AMQPError) {
        let topology = RecordedTopology()
        topology.queue(queue)
        let connection = RecoveringConnection(
            to: [try Endpoint(uri: Environment.value("AMQP_URL") ?? "amqp://localhost")],
            options: ConnectionOptions(name: "millrace-consumer"),
            topology: topology,
            on: MultiThreadedEventLoopGroup.singleton
        )
        try connection.start(timeout: .seconds(30))
        defer { connection.stop() }
        let consumer = RecoveringConsumer(on: connection, queue: queue, options: ConsumerOptions(prefetch: 20))
        for _ in 0..<count {
            guard let delivery = try consumer.next(timeout: .seconds(60)) else { return print("nothing more came") }
            print(String(decoding: delivery.body, as: UTF8.self))
            try consumer.ack(delivery)
        }
        consumer.close()
    }
}
