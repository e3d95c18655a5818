/// Counts deliveries and measures handlers, through the supervisor's metrics; each has the dimension `job`.
///
/// - `handler_deliveries`: a counter of what went through.
/// - `handler_outcome_ack`, `…_retry`, `…_reject`, `…_requeue`, `…_snooze`, `…_discard`, `…_stop`: what became of it.
/// - `handler_seconds`: how long each took.
///
/// Of batches the messages are counted as above, and for each batch are recorded:
///
/// - `handler_batch_messages`: how many it had.
/// - `handler_batch_seconds`: how long it took; `handler_seconds` is left out.
/// - `handler_batches_alone`: a counter of those that failed as a whole. Their messages are counted when they are handled
///   again, one by one.
public struct MetricsMiddleware: SyncMiddleware, BatchMiddleware {
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

    /// See ``BatchMiddleware``.
    public func aroundBatch(
        _ batch: borrowing MessageBatch,
        _ context: BatchContext,
        _ next: BatchNext
    ) throws -> BatchVerdicts {
        let start = ContinuousClock.now
        defer {
            context.record("handler_batch_messages", Double(batch.count))
            context.record("handler_batch_seconds", start.duration(to: .now) / .seconds(1))
        }
        do {
            let verdicts = try next(batch, context)
            self.count(verdicts, context)
            return verdicts
        } catch {
            if batch.count == 1 {
                self.count(batch.all(Outcome(thrown: error)), context)
            } else {
                context.count("handler_batches_alone")
            }
            throw error
        }
    }

    private func count(_ verdicts: BatchVerdicts, _ context: BatchContext) {
        context.count("handler_deliveries", by: Double(verdicts.count))
        for (name, count) in verdicts.tally { context.count("handler_outcome_\(name)", by: Double(count)) }
    }

    private func report(_ outcome: Outcome, since start: ContinuousClock.Instant, _ context: JobContext) {
        context.count("handler_deliveries")
        context.count("handler_outcome_\(outcome.name)")
        context.record("handler_seconds", start.duration(to: .now) / .seconds(1))
    }
}
