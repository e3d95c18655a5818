/// A handler that may wait: `async`, on the worker's own thread.
///
/// One instance is made for each worker thread of a job and used by that thread alone, so it needs no locks and need
/// not be `Sendable`. While it waits, the thread does other work of the same worker.
public protocol JobHandler: SendableMetatype {
    /// Makes the instance of one worker.
    ///
    /// `millrace check` makes one too, where there may be no database: read the options, and connect with the first message.
    ///
    /// - Parameter options: The job's `with:` block.
    /// - Throws: Why the handler can not work with these options; the job fails with that text.
    init(_ options: HandlerOptions) throws

    /// Handles one message.
    ///
    /// - Parameters:
    ///   - message: Borrowed: its memory is the supervisor's and ends with the call.
    ///   - context: Publishing, logging, cancellation.
    /// - Returns: What becomes of the message.
    /// - Throws: ``Unrecoverable`` for a reject, anything else for a retry.
    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome
}

/// A handler that runs to its end without waiting for anything `async`: the fastest kind.
public protocol SyncJobHandler: SendableMetatype {
    /// Makes the instance of one worker; see ``JobHandler/init(_:)``.
    init(_ options: HandlerOptions) throws

    /// Handles one message; see ``JobHandler/handle(_:_:)``.
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome
}
