import AMQPCore

/// What a connection tells whoever keeps it.
///
/// Called on the event loop: return at once.
public protocol ConnectionDelegate: AnyObject, Sendable {
    /// The broker reads nothing from this connection until it is unblocked (C51).
    func connectionBlocked(reason: String)
    /// The broker reads again.
    func connectionUnblocked()
    /// The open connection ended, once; every channel has been told.
    func connectionEnded(_ error: AMQPError)
}
