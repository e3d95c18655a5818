public import MillraceHandler
import Tracing

extension SpanMiddleware: BatchMiddleware {
    /// One span for a batch, with a link to the context of each message that has one; see `BatchMiddleware`.
    ///
    /// It is nobody's child, for its messages may be of as many traces as they are. What the handler publishes, for
    /// whichever message, carries the context of this span.
    public func aroundBatch(
        _ batch: borrowing MessageBatch,
        _ context: BatchContext,
        _ next: BatchNext
    ) throws -> BatchVerdicts {
        let span = self.start(batch, context)
        defer { span.end() }
        do {
            let headers = self.headers(of: span)
            let inner = batch.changingContexts { _, context in
                headers.isEmpty ? context : context.tracing(by: headers)
            }
            let verdicts = try ServiceContext.$current.withValue(span.context) { try next(inner, context) }
            span.report(verdicts)
            return verdicts
        } catch {
            span.report(thrown: error, ofBatch: batch.count)
            throw error
        }
    }

    private func start(_ batch: borrowing MessageBatch, _ context: BatchContext) -> any Span {
        let jobName = context.jobName
        let span = self.tracer.startSpan("process \(jobName)", context: .topLevel, ofKind: .consumer)
        guard span.isRecording else { return span }
        for index in batch.indices {
            var publisher = ServiceContext.topLevel
            self.instrument.extract(batch[index].headers, into: &publisher, using: MessageHeaderExtractor())
            if !publisher.isEmpty { span.addLink(SpanLink(context: publisher, attributes: [:])) }
        }
        let count = Int64(batch.count)
        span.updateAttributes { attributes in
            attributes["messaging.system"] = "rabbitmq"
            attributes["messaging.operation.name"] = "process"
            attributes["messaging.operation.type"] = "process"
            attributes["messaging.batch.message_count"] = count
            attributes["millrace.job"] = jobName
        }
        return span
    }
}

extension Span {
    /// How many messages came to which end; the first that failed gives the status its reason.
    func report(_ verdicts: BatchVerdicts) {
        self.updateAttributes { attributes in
            for (name, count) in verdicts.tally { attributes["millrace.outcomes.\(name)"] = Int64(count) }
        }
        if let failure = verdicts.settled.first(where: \.isFailure) { self.fail(failure.name, failure.reason ?? "") }
    }

    /// A batch of more than one fails as a whole: its messages come again one by one, and nothing is known of them yet.
    func report(thrown error: any Error, ofBatch count: Int) {
        let outcome = count == 1 ? Outcome(thrown: error).name : "alone"
        self.updateAttributes { $0["millrace.outcomes.\(outcome)"] = Int64(count) }
        self.recordError(error)
        self.fail(String(reflecting: type(of: error)), "\(error)")
    }
}
