/// Middleware that goes around handlers that take batches too: once for each batch, not for each of its messages.
///
/// ``LoggingMiddleware``, ``MetricsMiddleware`` and ``TracingMiddleware`` are of this kind. In a plugin with a
/// ``BatchHandler`` all middleware has to be: a handler inside of which one would be left out is not made, and its job
/// fails with the name of that one. Middleware that has nothing to do for a batch says so with `try next(batch, context)`.
///
/// A batch that fails as a whole is handled again message by message, each as a batch of one, with the middleware around
/// each.
public protocol BatchMiddleware: Middleware {
    /// Handles one batch by way of `next`.
    ///
    /// - Parameters:
    ///   - batch: What `next` is to have, or a batch made of it: ``MessageBatch/changingContexts(_:)``.
    ///   - context: Logging, counting, cancellation for the batch as a whole.
    ///   - next: The next middleware, at last the handler; call it once at most.
    /// - Returns: What becomes of each message.
    /// - Throws: Why the batch as a whole failed; see ``BatchHandler/handle(_:_:)``.
    func aroundBatch(
        _ batch: borrowing MessageBatch,
        _ context: BatchContext,
        _ next: BatchNext
    ) throws -> BatchVerdicts
}

/// What a ``BatchMiddleware`` wraps: the rest of the chain, with the handler at its end.
public struct BatchNext {
    let box: HandlerBox
    let index: Int

    /// Runs the rest.
    ///
    /// - Parameters:
    ///   - batch: The batch that came in, or one made of it.
    ///   - context: The context that came in.
    /// - Returns: What the rest made of each message, with a place for each.
    /// - Throws: What the rest throws.
    public func callAsFunction(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        let verdicts = try self.box.stepBatch(self.index, batch, context)
        // A sheet of another batch says nothing about this one.
        return verdicts.count == batch.count ? verdicts : batch.verdicts()
    }

    /// Runs the rest with those messages alone that have no outcome yet, and not at all if there are none.
    ///
    /// - Parameters:
    ///   - batch: The batch that came in, or one made of it.
    ///   - context: The context that came in.
    ///   - settle: An outcome for a message that is not to go on, or nil. What it throws is the failure of that message
    ///     alone.
    /// - Returns: What became of each message, of those that went on and of those that did not.
    /// - Throws: What the rest throws; it is then the failure of the whole batch.
    public func callAsFunction(
        _ batch: borrowing MessageBatch,
        _ context: BatchContext,
        settling settle: (borrowing Message) throws -> Outcome?
    ) throws -> BatchVerdicts {
        var verdicts = batch.verdicts()
        for index in batch.indices {
            do {
                verdicts[index] = try settle(batch[index])
            } catch {
                verdicts[index] = Outcome(thrown: error)
            }
        }
        let open = verdicts.open
        if open.isEmpty { return verdicts }
        let rest = try self(batch.selecting(open), context)
        for (place, index) in open.enumerated() { verdicts[index] = rest[place] }
        return verdicts
    }
}

/// A handler that takes batches, in a plugin whose middleware can not go around it.
struct MiddlewareWithoutBatches: Error, CustomStringConvertible {
    let description: String

    init(_ handler: String, _ middleware: [any Middleware]) {
        let names = middleware.filter { !($0 is any BatchMiddleware) }.map { "\(type(of: $0))" }
        self.description =
            "'\(handler)' takes batches, and middleware \(names.joined(separator: ", ")) would not run around it; give it an "
            + "'aroundBatch' (BatchMiddleware), or wrap only the other handlers in it"
    }
}
