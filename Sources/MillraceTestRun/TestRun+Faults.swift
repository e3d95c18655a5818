import AMQPBroker
import AMQPBrokerServer
import AMQPWire

/// Faults on demand. ``TestRun/settle(expecting:limit:within:)`` afterwards says whether all came right again.
extension TestRun {
    /// Cuts the connection as soon as so many more octets have gone from the broker to the supervisor; with 0 at the next one.
    ///
    /// - Throws: If the run has been stopped.
    public func cut(after octets: Int) async throws { try await self.server.cut(after: octets) }

    /// Cuts all connections now.
    ///
    /// - Throws: If the run has been stopped.
    public func cut() async throws { try await self.server.cutAll() }

    /// Has the broker close the connections with a code.
    ///
    /// - Parameters:
    ///   - text: The broker's words.
    ///   - code: 320 as an operator does, 541 for a fault of the broker, and so on.
    /// - Throws: If the run has been stopped.
    public func closeConnections(_ text: String = "closed by a test", code: UInt16 = 320) async throws {
        try await self.server.with { broker, now in
            for id in broker.connectionIDs { broker.forceClose(id, ReplyCode(rawValue: code), text, now: now) }
        }
    }

    /// Has the broker close each channel that consumes a queue, with a code: what they had in hand comes again.
    ///
    /// - Parameters:
    ///   - queue: By its name in the file.
    ///   - code: For instance 406.
    ///   - text: The broker's words.
    /// - Throws: ``TestRunError`` if nobody consumes it.
    public func closeChannels(consuming queue: String, code: UInt16, text: String = "closed by a test") async throws {
        let name = self.onBroker(queue)
        let closed = try await self.server.with { broker, now in
            broker.closeChannels(consuming: name, code: code, text: text, now: now)
        }
        if closed == 0 { throw TestRunError(.noConsumer(queue)) }
    }

    /// Has the broker read nothing more of who has published, as for a memory or disk alarm, until ``unblock()``.
    ///
    /// - Throws: If the run has been stopped.
    public func block(_ reason: String = "low on memory") async throws {
        try await self.server.with { broker, now in broker.setAlarm(reason, now: now) }
    }

    /// The alarm is over.
    ///
    /// - Throws: If the run has been stopped.
    public func unblock() async throws {
        try await self.server.with { broker, now in broker.setAlarm(nil, now: now) }
    }

    /// From now on all that the broker sends takes so much longer, in real time; whole milliseconds.
    ///
    /// - Throws: If the run has been stopped.
    public func delay(_ time: Duration) async throws {
        try await self.server.delay(milliseconds: Int64(time / .milliseconds(1)))
    }

    /// Has a queue refuse what comes, by `basic.nack`, until ``accept(_:)``.
    ///
    /// - Throws: ``TestRunError`` if there is no such queue.
    public func refuse(_ queue: String) async throws { try await self.setRefusing(true, queue) }

    /// The queue takes what comes again.
    ///
    /// - Throws: ``TestRunError`` if there is no such queue.
    public func accept(_ queue: String) async throws { try await self.setRefusing(false, queue) }

    private func setRefusing(_ isRefusing: Bool, _ queue: String) async throws {
        let name = self.onBroker(queue)
        let isThere = try await self.server.with { broker, _ in broker.setRefusing(isRefusing, name) }
        if !isThere { throw try await self.noQueue(queue) }
    }
}
