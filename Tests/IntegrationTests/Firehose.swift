import AMQPClient
import AMQPWire
import TestSupport

/// What RabbitMQ itself says it has given out, by its firehose: each delivery of a virtual host, and whether it was a
/// redelivery.
///
/// Tracing has to be on in that host (`rabbitmqctl trace_on`) before anything is given out that is to be counted.
struct Firehose {
    struct Count: Equatable {
        var deliveries = 0
        var redelivered = 0
    }

    private let channel: Channel
    private let queue: String
    private static let prefix = "deliver."

    /// - Parameter channel: Of a connection into that virtual host; the copies lie in a queue of its own.
    /// - Throws: What the broker refuses.
    init(_ channel: Channel) throws {
        self.channel = channel
        self.queue = try channel.declareQueue("", exclusive: true).name
        try channel.bindQueue(self.queue, to: "amq.rabbitmq.trace", routingKey: Self.prefix + "#")
        try channel.consume(self.queue, noAck: true)
    }

    /// Adds what has come since the last look to the counts by queue, until nothing comes for a while.
    func read(into counts: inout [String: Count], pause: Duration = .zero) throws {
        // More may come without end.
        for _ in 0..<100_000 {
            guard let copy = try self.channel.nextDelivery(timeout: pause) else { return }
            let queue = String(try copy.envelope.routingKey.dropFirst(Self.prefix.count))
            counts[queue, default: Count()].deliveries += 1
            if try copy.properties.headers?["redelivered"]?.intValue == 1 {
                counts[queue, default: Count()].redelivered += 1
            }
        }
    }
}
