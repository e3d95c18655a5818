import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Numbered messages into a queue, with confirms, on a connection and a thread of their own, until told to stop.
///
/// Never more than `backlog` ahead of what was seen.
final class NumberedLoad: Sendable {
    struct State {
        var published = 0
        var seen: Set<Int> = []
        var deliveries = 0
        /// The generation of each consumer.
        var generations: [Int]
        var droppedAcks = 0
        var isPublishing = true
        var isConsuming = true
        var failures: [String] = []
    }
    let monitor: Monitor<State>
    private let queue: String
    private static let backlog = 2000
    private static let batch = 50

    init(queue: String, consumers: Int) {
        self.queue = queue
        self.monitor = Monitor(State(generations: Array(repeating: 0, count: consumers)))
    }

    /// Waits until the state is as wanted; fails the test after 30 s.
    func wait(_ what: String, until isThere: (State) -> Bool) throws {
        let result: Bool? = self.monitor.wait(until: MonotonicClock.deadline(in: Patience.long)) { state in
            isThere(state) || !state.failures.isEmpty ? state.failures.isEmpty : nil
        }
        let state = self.monitor.withLock { $0 }
        try #require(
            result == true,
            "\(what): \(state.seen.count) of \(state.published) seen, \(state.generations), \(state.failures)"
        )
    }

    private func change(_ body: (inout State) -> Void) {
        self.monitor.withLock(body)
        self.monitor.broadcast()
    }

    private func work(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            self.change { $0.failures.append("\(error)") }
        }
    }

    func startPublisher() throws -> WorkerThread {
        try WorkerThread.start(name: "publisher") { self.work { try self.publish() } }
    }

    private func publish() throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        while true {
            let isGoingOn: Bool? = self.monitor.wait(until: MonotonicClock.deadline(in: Patience.long)) { state in
                if !state.isPublishing { return false }
                return state.published - state.seen.count < Self.backlog ? true : nil
            }
            guard isGoingOn == true else { return }
            let first = self.monitor.withLock { $0.published }
            for number in first..<first + Self.batch {
                try channel.publish(Array(String(number).utf8), routingKey: self.queue)
            }
            guard try channel.awaitConfirms(timeout: Patience.long).isEmpty else { throw PeerFailure("unconfirmed") }
            self.change { $0.published = first + Self.batch }
        }
    }

    /// A consumer that always has some deliveries in hand, so that every cut meets a few.
    func startConsumer(_ index: Int, on connection: RecoveringConnection) throws -> WorkerThread {
        try WorkerThread.start(name: "consumer/\(index)") { self.work { try self.consume(index, on: connection) } }
    }

    private func consume(_ index: Int, on connection: RecoveringConnection) throws {
        let options = ConsumerOptions(prefetch: 60, ackBatch: 4)
        let consumer = RecoveringConsumer(on: connection, queue: self.queue, options: options)
        consumer.onConsuming = { generation in self.change { $0.generations[index] = generation } }
        var inHand: [Delivery] = []
        while self.monitor.withLock({ $0.isConsuming }) {
            guard let delivery = try consumer.next(timeout: .milliseconds(50)) else {
                for delivery in inHand { try consumer.ack(delivery) }
                inHand.removeAll()
                continue
            }
            guard let number = Int(String(decoding: delivery.body, as: UTF8.self)) else {
                throw PeerFailure("a message that nobody published")
            }
            self.change { state in
                state.seen.insert(number)
                state.deliveries += 1
            }
            inHand.append(delivery)
            if inHand.count > 10 { try consumer.ack(inHand.removeFirst()) }
        }
        for delivery in inHand { try consumer.ack(delivery) }
        consumer.close()
        self.change { $0.droppedAcks += consumer.droppedAckCount }
    }
}
