/// One line of the log per delivery: `job=orders attempt=2 outcome=retry duration=1.204ms reason="no route"`.
///
/// A message with a trace (``TracingMiddleware`` or `SpanMiddleware` listed before this one) adds `trace=` with its trace id.
///
/// A batch has one line, `job=ledger batch=200 ack=198 reject=2 duration=14.020ms`, and one as above for each of its messages
/// that failed. One that fails as a whole has `outcome=alone` and the reason: its messages follow, one by one.
public struct LoggingMiddleware: SyncMiddleware, BatchMiddleware {
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

    /// See ``BatchMiddleware``.
    public func aroundBatch(
        _ batch: borrowing MessageBatch,
        _ context: BatchContext,
        _ next: BatchNext
    ) throws -> BatchVerdicts {
        let start = ContinuousClock.now
        do {
            let verdicts = try next(batch, context)
            self.report(verdicts, batch, since: start, context)
            return verdicts
        } catch {
            if batch.count == 1 {
                self.report(batch.all(Outcome(thrown: error)), batch, since: start, context)
            } else {
                var line = "job=\(context.jobName) batch=\(batch.count) outcome=alone"
                line += " duration=\(Self.milliseconds(since: start))"
                line += " reason=\"\("\(error)".printable(limit: 300))\""
                context.log(self.level(of: .retry("")), line)
            }
            throw error
        }
    }

    private func report(
        _ verdicts: BatchVerdicts,
        _ batch: borrowing MessageBatch,
        since start: ContinuousClock.Instant,
        _ context: BatchContext
    ) {
        var line = "job=\(context.jobName) batch=\(batch.count)"
        for (name, count) in verdicts.tally { line += " \(name)=\(count)" }
        line += " duration=\(Self.milliseconds(since: start))"
        context.log(self.level, line)
        for (index, outcome) in verdicts.settled.enumerated() where outcome.isFailure {
            self.report(outcome, batch[index].attempt, since: start, batch.context(at: index))
        }
    }

    private func report(
        _ outcome: Outcome,
        _ attempt: Int,
        since start: ContinuousClock.Instant,
        _ context: JobContext
    ) {
        var line = "job=\(context.jobName) attempt=\(attempt) outcome=\(outcome.name)"
        line += " duration=\(Self.milliseconds(since: start))"
        if let trace = context.trace { line += " trace=\(trace.traceID)" }
        if let reason = outcome.reason { line += " reason=\"\(reason.printable(limit: 300))\"" }
        context.log(self.level(of: outcome), line)
    }

    private static func milliseconds(since start: ContinuousClock.Instant) -> String {
        let microseconds = Int((start.duration(to: .now) / .microseconds(1)).rounded())
        return "\(microseconds / 1000).\(String(1000 + microseconds % 1000).dropFirst())ms"
    }

    private func level(of outcome: Outcome) -> JobContext.LogLevel {
        switch outcome {
        case .ack, .requeue, .snooze, .discard: self.level
        case .retry: self.level == .error ? .error : .warning
        case .reject, .stop: .error
        }
    }
}
