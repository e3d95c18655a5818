/// One line of the log per delivery: `job=orders attempt=2 outcome=retry duration=1.204ms reason="no route"`.
///
/// A message with a trace (``TracingMiddleware`` or `SpanMiddleware` listed before this one) adds `trace=` with its trace id.
public struct LoggingMiddleware: SyncMiddleware {
    private let level: JobContext.LogLevel

    /// Lines at a level.
    ///
    /// - Parameter level: For what went well; a retry is a warning at least, a reject or a stop an error.
    public init(level: JobContext.LogLevel = .info) { self.level = level }

    /// See ``Middleware``.
    public func around(
        _ message: borrowing Message,
        _ context: JobContext,
        _ next: Next
    ) async throws -> Outcome {
        let start = ContinuousClock.now
        do {
            let outcome = try await next(message, context)
            self.report(outcome, message.attempt, since: start, context)
            return outcome
        } catch {
            self.report(Outcome(thrown: error), message.attempt, since: start, context)
            throw error
        }
    }

    /// See ``SyncMiddleware``.
    public func aroundSync(
        _ message: borrowing Message,
        _ context: JobContext,
        _ next: SyncNext
    ) throws -> Outcome {
        let start = ContinuousClock.now
        do {
            let outcome = try next(message, context)
            self.report(outcome, message.attempt, since: start, context)
            return outcome
        } catch {
            self.report(Outcome(thrown: error), message.attempt, since: start, context)
            throw error
        }
    }

    private func report(
        _ outcome: Outcome,
        _ attempt: Int,
        since start: ContinuousClock.Instant,
        _ context: JobContext
    ) {
        let microseconds = Int((start.duration(to: .now) / .microseconds(1)).rounded())
        let fraction = String(1000 + microseconds % 1000).dropFirst()
        var line = "job=\(context.jobName) attempt=\(attempt) outcome=\(outcome.name)"
        line += " duration=\(microseconds / 1000).\(fraction)ms"
        if let trace = context.trace { line += " trace=\(trace.traceID)" }
        if let reason = outcome.reason { line += " reason=\"\(reason.printable(limit: 300))\"" }
        context.log(self.level(of: outcome), line)
    }

    private func level(of outcome: Outcome) -> JobContext.LogLevel {
        switch outcome {
        case .ack, .requeue, .snooze, .discard: self.level
        case .retry: self.level == .error ? .error : .warning
        case .reject, .stop: .error
        }
    }
}
