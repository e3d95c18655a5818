/// Counts deliveries and measures handlers, through the supervisor's metrics; each has the dimension `job`.
///
/// - `handler_deliveries`: a counter of what went through.
/// - `handler_outcome_ack`, `…_retry`, `…_reject`, `…_requeue`, `…_snooze`, `…_discard`, `…_stop`: what became of it.
/// - `handler_seconds`: how long each took.
public struct MetricsMiddleware: SyncMiddleware {
    /// Needs nothing.
    public init() {}

    /// See ``Middleware``.
    public func around(
        _ message: borrowing Message,
        _ context: JobContext,
        _ next: Next
    ) async throws -> Outcome {
        let start = ContinuousClock.now
        do {
            let outcome = try await next(message, context)
            self.report(outcome, since: start, context)
            return outcome
        } catch {
            self.report(Outcome(thrown: error), since: start, context)
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
            self.report(outcome, since: start, context)
            return outcome
        } catch {
            self.report(Outcome(thrown: error), since: start, context)
            throw error
        }
    }

    private func report(_ outcome: Outcome, since start: ContinuousClock.Instant, _ context: JobContext) {
        context.count("handler_deliveries")
        context.count("handler_outcome_\(outcome.name)")
        context.record("handler_seconds", start.duration(to: .now) / .seconds(1))
    }
}
