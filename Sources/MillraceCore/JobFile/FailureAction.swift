/// A job's `on_failure`: what becomes of a message whose handler threw.
public enum FailureAction: String, Sendable, Equatable, CaseIterable {
    /// Again after a wait that the broker keeps, as `retry` says; after the last attempt to the dead-letter target.
    case retry
    /// Back to the queue at once, to be delivered again.
    case requeue
    /// To the queue's dead-letter target.
    case reject
    /// Acked, as if it had worked.
    case discard
}
