/// Whether, and when, a run is asked to end early: what a supervisor does at a job's `timeout`, or when it stops.
///
/// `isCancelled` of the context is true from then on, and the task of an `async` handler is cancelled. No time passes for it,
/// so a test has the same result each time.
public enum EarlyEnd: Sendable, Equatable {
    /// The handler may take as long as it likes.
    case never
    /// It is asked before its first line runs.
    case atOnce
    /// `isCancelled` is false that many times, and true from then on.
    case afterLooks(Int)
    /// When it has come to its first wait and nothing of it can go on by itself; for handlers that wait.
    case whenItWaits
}
