import AMQPClient

/// Where workers find the connections of the moment: the supervisor puts the one to consume on in and signals them;
/// whoever sees it ended takes it out.
final class ConnectionSource: Sendable {
    private struct Connections {
        var consuming: Connection?
        var outlet: RecoveringConnection?
    }
    private let monitor = Monitor(Connections())
    /// Whether a job that is suspected is tried on a connection of its own: one at a time.
    private let isTrying = Monitor(false)
    /// Whether outputs have a connection of their own, so that a broker that blocks publishers reads on what consumes:
    /// acks above all (C51).
    let publishesSeparately: Bool
    /// How long what is published may wait for the broker's answer, in nanoseconds, before it goes again on another channel.
    let answerPatience: UInt64

    init(publishesSeparately: Bool, answerPatience: Duration) {
        self.publishesSeparately = publishesSeparately
        self.answerPatience = answerPatience.nanoseconds
    }

    /// The connection to consume on, and to publish on unless that is separate.
    var current: Connection? { self.monitor.withLock { $0.consuming } }

    func set(_ connection: Connection?) { self.monitor.withLock { $0.consuming = connection } }

    /// The connection for outputs, if they have one of their own and it is up.
    var publishing: Connection? { self.monitor.withLock { $0.outlet }?.current }

    /// Why it is not up, as far as is known.
    var whyNotPublishing: AMQPError? { self.monitor.withLock { $0.outlet }?.lastError }

    /// The same, waiting a moment for one that is on its way.
    func awaitPublishing() throws(AMQPError) -> Connection {
        guard let outlet = self.monitor.withLock({ $0.outlet }) else {
            throw AMQPError(.connectionLost, scope: .connection, text: "no connection for outputs yet")
        }
        return try outlet.connection(timeout: .seconds(1))
    }

    /// The connection for what is published: one of its own, if the file says so.
    func connectionForOutputs() throws(AMQPError) -> Connection {
        if self.publishesSeparately { return try self.awaitPublishing() }
        if let current = self.current { return current }
        throw AMQPError(.connectionLost, scope: .connection, text: "the connection has ended")
    }

    /// A channel to publish on, beside the one that consumes, whose requests do not outwait the broker's alarm.
    ///
    /// While the broker blocks publishers it could not even be opened.
    func openForPublishing(_ mailbox: Mailbox) throws(AMQPError) -> Channel {
        let connection = try self.connectionForOutputs()
        try connection.throwIfBlocked()
        return try connection.openChannel(mailbox: mailbox, outwaitsBlocks: false)
    }

    /// Sets what keeps the connection for outputs up.
    func setOutlet(_ outlet: RecoveringConnection) { self.monitor.withLock { $0.outlet = outlet } }

    /// Whether the caller may hold a trial now; then it says when that is over.
    func takeTrialSeat() -> Bool {
        self.isTrying.withLock { isTrying in
            defer { isTrying = true }
            return !isTrying
        }
    }

    func leaveTrialSeat() { self.isTrying.withLock { $0 = false } }

    /// Takes out this connection, unless a newer one is in.
    func forget(_ connection: Connection) {
        self.monitor.withLock { connections in
            if connections.consuming === connection { connections.consuming = nil }
        }
    }
}

extension Connection {
    /// While the broker blocks publishers a channel could not even be opened.
    func throwIfBlocked() throws(AMQPError) {
        guard self.isBlocked else { return }
        throw AMQPError(
            .timeout,
            scope: .connection,
            text: "the broker blocks the connection: it reads nothing from it"
        )
    }
}
