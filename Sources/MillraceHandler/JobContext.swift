import CMillraceABI

// @unchecked Sendable: used on the worker's thread alone; async handlers stay on it.
/// What a handler can do besides returning: publish, log, count, ask whether to end early.
///
/// Valid until the handler has returned.
public struct JobContext: @unchecked Sendable {
    let host: UnsafePointer<millrace_host>
    let worker: OpaquePointer?
    let token: OpaquePointer
    /// What middleware added; nil for nothing, so that a context stays cheap.
    private var added: Added?

    init(host: UnsafePointer<millrace_host>, worker: OpaquePointer?, token: OpaquePointer) {
        self.host = host
        self.worker = worker
        self.token = token
    }

    /// How severe a line of the log is.
    public enum LogLevel: UInt32, Sendable { case debug = 0, info, warning, error }

    /// The job's name in the job file.
    public var jobName: String { String(self.host.pointee.job_name(self.worker)) }

    /// Whether the handler should end early: its job's timeout has passed, or the supervisor stops and has
    /// waited long enough.
    ///
    /// In an async handler the task is cancelled at the same time.
    public var isCancelled: Bool { self.host.pointee.is_cancelled(self.token) != 0 }

    /// Writes a line to the supervisor's log, with the job and the message named.
    public func log(_ level: LogLevel, _ text: String) {
        text.withABI { self.host.pointee.log(self.worker, self.token, level.rawValue, $0) }
    }

    /// Writes a line of level `info`; see ``log(_:_:)``.
    public func log(_ text: String) { self.log(.info, text) }

    /// Adds to a counter.
    ///
    /// - Parameters:
    ///   - name: Letters a to z, digits and `_`.
    ///   - value: What to add.
    public func count(_ name: String, by value: Double = 1) {
        name.withABI { self.host.pointee.metric(self.worker, $0, 0, value) }
    }

    /// Records one measured value under a name.
    public func record(_ name: String, _ value: Double) {
        name.withABI { self.host.pointee.metric(self.worker, $0, 1, value) }
    }

    /// Publishes a message, once this handler has succeeded: a handler that fails publishes nothing.
    ///
    /// With `publish: {mode: confirm}` the message in hand is acked after the broker has confirmed this one.
    ///
    /// - Parameter publication: Copied before the call returns.
    /// - Throws: ``PublishError`` if AMQP can not carry it.
    public func publish(_ publication: Publication) throws(PublishError) {
        let code = self.withHeaders(publication).withABI { self.host.pointee.publish(self.token, $0) }
        switch code {
        case 0: return
        case 1: throw PublishError(reason: "the job may not publish")
        default:
            throw PublishError(
                reason: "exchange, routing key, header names and the short properties take at most 255 octets"
            )
        }
    }

    /// Publishes a body; see ``publish(_:)``.
    public func publish(
        _ body: [UInt8],
        exchange: String = "",
        routingKey: String,
        contentType: String? = nil
    ) throws(PublishError) {
        var publication = Publication(body, exchange: exchange, routingKey: routingKey)
        publication.contentType = contentType
        try self.publish(publication)
    }
}

extension JobContext {
    private final class Added: Sendable {
        let headers: [String: HeaderValue]
        let trace: TraceContext?

        init(headers: [String: HeaderValue], trace: TraceContext?) {
            self.headers = headers
            self.trace = trace
        }
    }

    /// The trace that the message is part of; nil without middleware for it, or without a valid `traceparent`.
    public var trace: TraceContext? { self.added?.trace }

    /// A context whose publications carry more headers; for middleware.
    ///
    /// - Parameter headers: Win over those added before; a publication's own win over these.
    /// - Returns: A copy, for `next`.
    public func addingHeaders(_ headers: [String: HeaderValue]) -> JobContext {
        var context = self
        let all = (self.added?.headers ?? [:]).merging(headers) { _, new in new }
        context.added = Added(headers: all, trace: self.added?.trace)
        return context
    }

    /// A context within a trace; unchanged without one.
    func tracing(_ trace: TraceContext?) -> JobContext {
        guard let trace else { return self }
        var headers = self.added?.headers ?? [:]
        headers["traceparent"] = .string(trace.traceparent)
        headers["tracestate"] = trace.state.map(HeaderValue.string)
        var context = self
        context.added = Added(headers: headers, trace: trace)
        return context
    }

    /// A context whose publications carry what a tracer has written, `traceparent` or another format.
    ///
    /// A trace that was there before goes, with both of its headers.
    package func tracing(by headers: [String: HeaderValue]) -> JobContext {
        var all = self.added?.headers ?? [:]
        for key in ["traceparent", "tracestate"] { all[key] = nil }
        all.merge(headers) { _, new in new }
        var context = self
        context.added = Added(
            headers: all,
            trace: TraceContext(parent: headers["traceparent"], state: headers["tracestate"])
        )
        return context
    }

    private func withHeaders(_ publication: Publication) -> Publication {
        guard let added = self.added else { return publication }
        var headers = added.headers
        // A trace's two headers go together: a state under another parent would be of another trace.
        if publication.headers["traceparent"] != nil { headers["tracestate"] = nil }
        var publication = publication
        publication.headers.merge(headers) { own, _ in own }
        return publication
    }
}

/// A message that can not be published.
public struct PublishError: Error, CustomStringConvertible {
    /// What is wrong with it.
    public let reason: String
    /// The reason.
    public var description: String { "the message can not be published: \(self.reason)" }
}
