import AMQPClient
import AMQPWire
import Logging

/// Answers who asks the fleet how it stands: one thread, with channels of its own, which sleeps until a question comes.
///
/// A question changes nothing, and costs its answer: so many in a second at most, from whoever may publish to `amq.direct`.
final class FleetAnswerer: Sendable {
    private static let changed: UInt32 = 1
    /// Between two tries to have the queue, in nanoseconds.
    private static let pause: UInt64 = 5_000_000_000
    private let mailbox = Mailbox()
    private let thread: SideThread
    private let fleet: String
    private let queuePrefix: String
    private let source: ConnectionSource
    private let logger: Logger
    private let id = String(UInt64.random(in: .min ... .max), radix: 16)

    /// - Parameters:
    ///   - fleet: Its name.
    ///   - queue: A job's, by whose name this one is called: who may have `QUEUE.delay.0s` may have it.
    ///   - source: Where the connections are.
    ///   - logger: Told when the fleet can not be answered.
    init(_ fleet: String, beside queue: String, source: ConnectionSource, logger: Logger) {
        self.fleet = fleet
        self.queuePrefix = String(decoding: Array(queue.utf8.prefix(200)), as: UTF8.self) + ".fleet."
        self.source = source
        self.logger = logger
        self.thread = SideThread("fleet", waking: self.mailbox, with: Self.changed)
    }

    /// Begins with the first connection; the thread is told of the others.
    ///
    /// - Parameter answer: What it says of itself, on the thread of this.
    func connectionChanged(_ answer: @escaping @Sendable (_ id: String, _ node: String) -> FleetAnswer?) {
        if self.thread.isStarted { return self.mailbox.signal(Self.changed) }
        do throws(ThreadError) {
            try self.thread.start { self.run(answer) }
        } catch {
            self.logger.warning("nobody answers the fleet", metadata: ["reason": "\(error)"])
        }
    }

    /// Ends it; nobody waits for it.
    func end() {
        self.thread.end()
        self.thread.letGo()
    }

    private func run(_ answer: (_ id: String, _ node: String) -> FleetAnswer?) {
        var inbox = Inbox()
        var said: String?
        while !self.thread.mustEnd {
            if let connection = self.source.current {
                do throws(AMQPError) {
                    try self.serve(connection, answer) { said = nil }
                    return
                } catch {
                    // The end of the connection is told by others.
                    if error.scope != .connection, said != error.description {
                        said = error.description
                        self.logger.warning(
                            "who asks the fleet gets no answer from here",
                            metadata: ["fleet": "\(self.fleet)", "reason": "\(error)"]
                        )
                    }
                }
            }
            _ = self.mailbox.take(into: &inbox, until: MonotonicClock.now() &+ Self.pause)
            inbox.signals = 0
            inbox.calls.removeAll()
            inbox.events.removeAll()
            inbox.batches.removeAll()
        }
    }

    /// Until its channel or its connection ends, or nobody is to answer any more.
    private func serve(
        _ connection: Connection,
        _ answer: (_ id: String, _ node: String) -> FleetAnswer?,
        isThere: () -> Void
    ) throws(AMQPError) {
        let channel = try connection.openChannel(mailbox: self.mailbox, outwaitsBlocks: false, reads: false)
        defer { _ = channel.startClose() }
        // Of a name that nobody knows, and that an earlier connection, which may not have ended for the broker, does not have.
        let queue = self.queuePrefix + String(UInt64.random(in: .min ... .max), radix: 16)
        _ = try channel.declareQueue(
            queue,
            durable: false,
            exclusive: true,
            autoDelete: true,
            arguments: ["x-max-length": .int32(100), "x-message-ttl": .int32(10_000)]
        )
        try channel.bindQueue(queue, to: FleetWords.exchange, routingKey: FleetWords.routingKey(self.fleet))
        try channel.consume(queue, noAck: true)
        isThere()
        var limit = TokenBucket(allowed: 50, interval: 1_000_000_000)
        var out: Channel?
        defer { _ = out?.startClose() }
        while !self.thread.mustEnd {
            guard let question = try channel.nextDeliveryOrSignal(until: nil) else {
                _ = channel.takeSignals()
                continue
            }
            guard limit.take(now: MonotonicClock.now()) == 0, let properties = try? question.properties,
                let reply = FleetWords.reply(to: properties),
                let text = answer(self.id, connection.endpoint.address)?.value.json
            else { continue }
            do throws(AMQPError) {
                // With a connection of its own for outputs this one publishes nothing, so that no alarm holds acks up.
                let open: Channel
                if let out, out.isOpen { open = out } else { open = try self.source.openForPublishing(Mailbox()) }
                out = open
                try open.publish(Array(text.utf8), routingKey: reply.routingKey, properties: reply.properties)
                open.sendAcks()
            } catch {
                out = nil
                self.logger.debug("an answer to the fleet was not sent", metadata: ["reason": "\(error)"])
            }
        }
    }
}
