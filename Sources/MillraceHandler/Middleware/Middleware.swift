/// Code around every handler of a plugin: it runs before and after each delivery, and decides what happens between.
///
/// One value serves all workers, hence `Sendable`. It may change the context that goes on, replace the outcome, not call
/// `next` at all, or throw, which means what it means in a handler. A handler's outputs are published only if the
/// outcome that comes out at the end is ``Outcome/ack``.
///
/// Middleware of this kind may wait, so every handler of the plugin runs as an `async` one. ``SyncMiddleware`` does not
/// ask for that.
public protocol Middleware: Sendable {
    /// Handles one delivery by way of `next`.
    ///
    /// - Parameters:
    ///   - message: The delivery; its body is not decoded yet.
    ///   - context: What `next` is to have, or a changed copy of it.
    ///   - next: The next middleware, at last the handler; call it once at most.
    /// - Returns: What becomes of the message.
    /// - Throws: ``Unrecoverable`` for a reject, anything else for a retry.
    func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome
}

/// Middleware that never waits, so that handlers that do not wait either stay as fast as they are.
///
/// If all middleware of a plugin is of this kind, its sync handlers go through ``aroundSync(_:_:_:)`` and nothing is
/// `async`; its async handlers go through ``Middleware/around(_:_:_:)``.
public protocol SyncMiddleware: Middleware {
    /// The same as ``Middleware/around(_:_:_:)`` around a handler that does not wait.
    func aroundSync(_ message: borrowing Message, _ context: JobContext, _ next: SyncNext) throws -> Outcome
}

// @unchecked Sendable: used on the worker's thread alone; async handlers stay on it.
/// What a ``Middleware`` wraps: the rest of the chain, with the handler at its end.
public struct Next: @unchecked Sendable {
    let box: HandlerBox
    let index: Int

    /// Runs the rest.
    ///
    /// - Parameters:
    ///   - message: The message that came in.
    ///   - context: The context that came in, or a changed copy.
    /// - Returns: What the rest made of it.
    /// - Throws: What the rest throws; ``Outcome/init(thrown:)`` says what it means.
    public func callAsFunction(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        try await self.box.step(self.index, message, context)
    }
}

/// What a ``SyncMiddleware`` wraps; see ``Next``.
public struct SyncNext {
    let box: HandlerBox
    let index: Int

    /// Runs the rest; see ``Next/callAsFunction(_:_:)``.
    public func callAsFunction(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try self.box.stepSync(self.index, message, context)
    }
}
