/// Carries the W3C trace context of a message over to what its handler publishes.
///
/// The headers `traceparent` and `tracestate` are read as Trace Context Level 2 says (§3.2, §3.3) and put on every
/// publication of the handler that does not set them itself. This is propagation alone: no span is made here, so the
/// parent of what the next service does stays who published the message. The handler finds the context under
/// ``JobContext/trace``. A `traceparent` that is malformed is ignored, and `tracestate` with it; of a bad `tracestate`
/// only that is ignored.
public struct TracingMiddleware: SyncMiddleware, BatchMiddleware {
    /// Needs nothing.
    public init() {}

    /// See ``Middleware``.
    public func around(
        _ message: borrowing Message,
        _ context: JobContext,
        _ next: Next
    ) async throws -> Outcome {
        try await next(message, context.tracing(TraceContext(of: message)))
    }

    /// See ``SyncMiddleware``.
    public func aroundSync(
        _ message: borrowing Message,
        _ context: JobContext,
        _ next: SyncNext
    ) throws -> Outcome {
        try next(message, context.tracing(TraceContext(of: message)))
    }
    /// Each message's context goes to what is published for that message; see ``BatchMiddleware``.
    public func aroundBatch(
        _ batch: borrowing MessageBatch,
        _ context: BatchContext,
        _ next: BatchNext
    ) throws -> BatchVerdicts {
        try next(batch.changingContexts { message, context in context.tracing(TraceContext(of: message)) }, context)
    }
}
