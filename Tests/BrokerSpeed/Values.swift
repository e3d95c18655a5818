import AMQPBroker
import AMQPWire

/// The broker as a value, without a socket: octets in, octets out, on one core.
enum Values {
    /// Published on one connection, handed to a consumer on another, acked one by one: messages a second.
    static func rate(_ total: Int, octets: Int, confirms: Bool) throws -> Double {
        let burst = 100
        let publishes = Array(repeating: try Octets.publish([UInt8](repeating: 7, count: octets)), count: burst)
            .flatMap { $0 }
        var broker = EmbeddedBroker(now: 0)
        let (publisher, consumer) = (broker.connect(now: 0), broker.connect(now: 0))
        broker.receive(try Octets.start(), from: publisher, now: 0)
        broker.receive(try Octets.start(), from: consumer, now: 0)
        if confirms { broker.receive(try Octets.method(ConfirmSelect(), 1), from: publisher, now: 0) }
        broker.receive(try Octets.method(BasicQos(prefetchCount: 250), 1), from: consumer, now: 0)
        broker.receive(try Octets.method(BasicConsume(queue: "jobs", consumerTag: "c"), 1), from: consumer, now: 0)
        _ = broker.takeActions()
        var (tag, sent) = (UInt64(1), 0)
        let start = ContinuousClock().now
        for round in 0..<total / burst {
            broker.receive(publishes, from: publisher, now: UInt64(round))
            broker.receive(Octets.acks(tag...tag + UInt64(burst) - 1), from: consumer, now: UInt64(round))
            tag += UInt64(burst)
            for case .send(_, let octets) in broker.takeActions() { sent += octets.count }
        }
        let seconds = (ContinuousClock().now - start) / .seconds(1)
        guard broker.counts.acked == total, sent > total * octets else {
            throw SocketClient.Failure(what: "\(broker.counts), \(sent) octets out")
        }
        return Double(total) / seconds
    }

    /// Brokers one after the other, each with a client, a queue and a message: milliseconds.
    static func inTurn(_ count: Int) throws -> Double {
        let start = ContinuousClock().now
        for _ in 0..<count {
            var broker = EmbeddedBroker(now: 0)
            let client = broker.connect(now: 0)
            broker.receive(try Octets.start() + Octets.publish([1]), from: client, now: 0)
            broker.receive(try Octets.method(BasicGet(queue: "jobs", noAck: true), 1), from: client, now: 0)
            guard broker.counts.delivered == 1 else { throw SocketClient.Failure(what: "\(broker.counts)") }
        }
        return (ContinuousClock().now - start) / .milliseconds(1)
    }
}
