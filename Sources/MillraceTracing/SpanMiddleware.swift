public import MillraceHandler
public import Tracing

/// A span of kind `consumer` around every handler of a plugin, as a child of whoever published the message.
///
/// The context comes out of the message's headers and goes into those of everything that the handler publishes, both by
/// the tracer's own format. While the handler runs it is `ServiceContext.current`, so that spans of what the handler calls
/// become children of this one. An error that the handler throws is recorded, and what fails the message sets the span's
/// status.
public struct SpanMiddleware: SyncMiddleware {
    private let given: (any Tracer)?

    /// Spans by a tracer.
    ///
    /// - Parameter tracer: `InstrumentationSystem.tracer` unless given, looked up for each message: it may be there later
    ///   than the plugin.
    public init(tracer: (any Tracer)? = nil) { self.given = tracer }

    /// See `Middleware`.
    public func around(
        _ message: borrowing Message,
        _ context: JobContext,
        _ next: Next
    ) async throws -> Outcome {
        let span = self.start(message, context)
        defer { span.end() }
        do {
            let inner = self.passingOn(span, context)
            let outcome = try await ServiceContext.$current.withValue(span.context) { try await next(message, inner) }
            span.report(outcome)
            return outcome
        } catch {
            span.report(thrown: error)
            throw error
        }
    }

    /// See `SyncMiddleware`.
    public func aroundSync(
        _ message: borrowing Message,
        _ context: JobContext,
        _ next: SyncNext
    ) throws -> Outcome {
        let span = self.start(message, context)
        defer { span.end() }
        do {
            let inner = self.passingOn(span, context)
            let outcome = try ServiceContext.$current.withValue(span.context) { try next(message, inner) }
            span.report(outcome)
            return outcome
        } catch {
            span.report(thrown: error)
            throw error
        }
    }

    /// Beside the tracer others may be bootstrapped, for baggage for instance.
    var instrument: any Instrument { self.given ?? InstrumentationSystem.instrument }

    /// Called by the job, which is one of few, and not by the routing key, of which there may be millions.
    private func start(_ message: borrowing Message, _ context: JobContext) -> any Span {
        var parent = ServiceContext.topLevel
        self.instrument.extract(message.headers, into: &parent, using: MessageHeaderExtractor())
        let jobName = context.jobName
        let span = self.tracer.startSpan("process \(jobName)", context: parent, ofKind: .consumer)
        if span.isRecording {
            let attributes = SpanAttributes(processing: message, jobName: jobName)
            span.updateAttributes { $0.merge(attributes) }
        }
        return span
    }

    /// The context for the handler, whose publications belong to the span.
    private func passingOn(_ span: any Span, _ context: JobContext) -> JobContext {
        let headers = self.headers(of: span)
        return headers.isEmpty ? context : context.tracing(by: headers)
    }

    /// What the publications of a span carry.
    func headers(of span: any Span) -> [String: HeaderValue] {
        var headers: [String: HeaderValue] = [:]
        self.instrument.inject(span.context, into: &headers, using: PublicationHeaderInjector())
        return headers
    }

    /// Of the tracer that there is by now.
    var tracer: any Tracer { self.given ?? InstrumentationSystem.tracer }
}
