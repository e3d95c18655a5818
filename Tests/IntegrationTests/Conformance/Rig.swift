import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// What a test has open on a broker, on a thread of its own; all of it is closed when the test ends.
final class Rig {
    let endpoint: Endpoint
    private var connections: [Connection] = []

    private init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    static func run(on endpoint: Endpoint? = nil, _ body: @Sendable (Rig) throws -> Void) async throws {
        let endpoint = try endpoint ?? Broker.endpoint()
        try await OwnThread.run {
            let rig = Rig(endpoint)
            defer { rig.connections.forEach { $0.close() } }
            try body(rig)
        }
    }

    func connect(
        _ change: (inout ConnectionOptions) -> Void = { _ in },
        delegate: (any ConnectionDelegate)? = nil
    ) throws -> Connection {
        let connection = try Broker.connect(to: self.endpoint, change, delegate: delegate)
        self.connections.append(connection)
        return connection
    }

    func raw(channelMax: UInt16? = nil) throws -> RawClient { try RawClient(self.endpoint, channelMax: channelMax) }
}

extension Connection {
    /// What `body` fails with on a channel of its own.
    func failure(_ body: (Channel) throws -> Void) throws -> AMQPError {
        let channel = try self.openChannel()
        return try failureOf { try body(channel) }
    }
}

/// What `body` throws, which must be the client's error.
func failureOf(_ body: () throws -> Void) throws -> AMQPError {
    do {
        try body()
    } catch {
        return try #require(error as? AMQPError, "another kind of error: \(error)")
    }
    throw PeerFailure("the call succeeded")
}

extension Channel {
    /// Two round trips: the channel lives, and its connection.
    func proveAlive() throws {
        let queue = try self.declareQueue("", durable: false, exclusive: true)
        try self.deleteQueue(queue.name)
    }

    /// Why the channel ends: waits for the broker's close of something that has no answer, like a publish.
    func awaitEnd() throws {
        let deadline = MonotonicClock.deadline(in: Patience.long)
        while self.isOpen, self.pump(until: deadline) {}
        if let reason = self.endReason { throw reason }
    }

    /// The next delivery, which must come.
    func delivery() throws -> Delivery {
        try #require(try self.nextDelivery(timeout: Patience.long), "no delivery")
    }

    /// What has come after a round trip to the queue: everything that it gave out before.
    func deliveriesSoFar(of queue: String) throws -> [Delivery] {
        _ = try self.declareQueue(queue, passive: true)
        var taken: [Delivery] = []
        while let delivery = try self.nextDelivery(timeout: .zero) { taken.append(delivery) }
        return taken
    }

    /// Publishes one message a body and waits until the queue has them.
    func fill(_ queue: String, _ bodies: ClosedRange<UInt8>) throws {
        for body in bodies { try self.publish([body], routingKey: queue) }
        _ = try self.declareQueue(queue, passive: true)
    }

    /// A queue of this connection alone.
    func temporaryQueue() throws -> String { try self.declareQueue("", durable: false, exclusive: true).name }
}
