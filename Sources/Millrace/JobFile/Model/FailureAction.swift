/// A job's `on_failure`: what becomes of a message whose handler threw.
public enum FailureAction: String, Sendable, Equatable, CaseIterable {
    /// Back to the queue at once, to be delivered again.
    case requeue
    /// To the queue's dead-letter target; dropped if it has none.
    case reject
    /// Acked, as if it had worked.
    case discard
}
