import AMQPCore

/// What happens to a ``RecoveringConnection``.
public enum RecoveryEvent: Sendable {
    /// An attempt begins.
    case connecting(Endpoint)
    /// The attempt failed; others follow unless ``gaveUp(_:)`` does.
    case failed(Endpoint, AMQPError)
    /// Connected, and the recorded topology declared, but for what is named in `failures`.
    ///
    /// `generation` counts the connections from 1.
    case connected(Endpoint, generation: Int, failures: [TopologyFailure])
    /// The connection ended; another one is made.
    case lost(AMQPError)
    /// The broker reads nothing, acks included, until its alarm ends (C51).
    case blocked(reason: String)
    /// The broker reads again.
    case unblocked
    /// The first round of attempts met a refusal that time does not heal.
    case gaveUp(AMQPError)
    /// Ended by ``RecoveringConnection/stop()``.
    case stopped
}

/// An exchange, queue or binding that could not be declared on a new connection.
public struct TopologyFailure: Sendable, CustomStringConvertible {
    /// For instance `queue 'orders'`.
    public let entity: String
    /// The broker's refusal: 403, 404, 405, 406.
    public let error: AMQPError

    /// One line for a log.
    public var description: String { "\(PlainText.line(self.entity)): \(self.error)" }
}

/// Tells the recovery's thread about one connection; each attempt has its own, so that the late end of a failed one is
/// not taken for the end of its successor.
final class RecoveryReporter: ConnectionDelegate {
    struct Reports {
        var events: [RecoveryEvent] = []
        var end: AMQPError?
    }
    let reports = Monitor(Reports())
    private let changed: @Sendable () -> Void

    init(changed: @escaping @Sendable () -> Void) { self.changed = changed }

    func connectionBlocked(reason: String) { self.report(.blocked(reason: reason)) }
    func connectionUnblocked() { self.report(.unblocked) }
    func connectionEnded(_ error: AMQPError) {
        self.reports.withLock { $0.end = error }
        self.changed()
    }

    private func report(_ event: RecoveryEvent) {
        self.reports.withLock { $0.events.append(event) }
        self.changed()
    }

    /// Everything since the last call; the end stays.
    func take() -> Reports {
        self.reports.withLock { reports in
            defer { reports.events = [] }
            return reports
        }
    }
}
