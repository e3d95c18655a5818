import AMQPClient
import AMQPWire

/// What ``Outlet`` and ``Parking`` need of a channel that they publish on: a ``Channel``, or a test's stand-in.
///
/// Nothing here waits, but for a publish that is given the time to.
protocol PublishLine: AnyObject {
    var isOpen: Bool { get }
    /// Why it has ended.
    var endReason: AMQPError? { get }
    /// Whether a commit has no answer yet: nothing may follow it (C64).
    var isCommitting: Bool { get }
    /// The last publish that the commit is for.
    var commitEnd: UInt64 { get }
    var hasVerdicts: Bool { get }
    /// Whether the broker reads nothing, or has read nothing for a while since the last look.
    ///
    /// - Parameter seen: What the last look left.
    /// - Returns: Whether no answer could have come for some of the time.
    func wasBlocked(since seen: inout Int) -> Bool

    /// Publishes, if there is room within this time.
    ///
    /// - Returns: Its number, from 1; 0 where nothing is answered.
    func publish(
        _ body: [UInt8],
        exchange: [UInt8],
        routingKey: [UInt8],
        properties: BasicProperties,
        mandatory: Bool,
        token: UInt64,
        within patience: Duration
    ) throws(AMQPError) -> UInt64
    func startCommit() throws(AMQPError)
    /// - Returns: Whether commit-ok has come.
    func finishCommit() -> Bool
    /// Takes in what has come.
    func takeIn()
    func takeVerdicts() -> ContiguousArray<PublishVerdict>
    func takeReturnedMessages() -> [ReturnedMessage]
    /// Sends what is written.
    func flush()
    func close()
    /// Ends it and waits for nothing.
    func giveUp(_ reason: String)
}

extension Channel: PublishLine {
    var hasVerdicts: Bool { !self.verdicts.isEmpty }

    func publish(
        _ body: [UInt8],
        exchange: [UInt8],
        routingKey: [UInt8],
        properties: BasicProperties,
        mandatory: Bool,
        token: UInt64,
        within patience: Duration
    ) throws(AMQPError) -> UInt64 {
        try body.withBytes { (body) throws(AMQPError) in
            try self.publish(
                body,
                exchange: exchange,
                routingKey: routingKey,
                properties: properties,
                mandatory: mandatory,
                token: token,
                until: patience == .zero ? 0 : MonotonicClock.deadline(in: patience)
            )
        }
    }

    func takeIn() { self.pump(until: 0) }
    func flush() { self.sendAcks() }  // has none: it sends what was published
    func giveUp(_ reason: String) { self.breaker.endChannel(reason) }
}
