import Foundation
import MillraceHandler
import Synchronization
import Tracing

/// A span that is printed when it ends.
final class PrintedSpan: Span {
    private struct State {
        var name: String
        var attributes: SpanAttributes = [:]
        var links: [String] = []
        var status: SpanStatus?
        var hasEnded = false
    }

    let context: ServiceContext
    private let parent: TraceContext?
    private let state: Mutex<State>

    /// A child of the span in `context`, or the first of a trace.
    init(_ name: String, childOf context: ServiceContext) {
        var own = context
        self.parent = context.trace
        let trace = self.parent?.traceID ?? Self.identifier(words: 2)
        own.trace = TraceContext(
            traceparent: "00-\(trace)-\(Self.identifier(words: 1))-01",
            tracestate: self.parent?.state
        )
        self.context = own
        self.state = Mutex(State(name: name))
    }

    /// So many random words in hexadecimal; not 0, which is no identifier.
    private static func identifier(words: Int) -> String {
        (0..<words).map { _ in
            let digits = String(UInt64.random(in: 1...UInt64.max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    var isRecording: Bool { self.state.withLock { !$0.hasEnded } }

    var operationName: String {
        get { self.state.withLock { $0.name } }
        set { self.state.withLock { $0.name = newValue } }
    }

    var attributes: SpanAttributes {
        get { self.state.withLock { $0.attributes } }
        set { self.state.withLock { $0.attributes = newValue } }
    }

    func setStatus(_ status: SpanStatus) { self.state.withLock { $0.status = status } }

    func addEvent(_ event: SpanEvent) {}

    func addLink(_ link: SpanLink) {
        guard let trace = link.context.trace else { return }
        self.state.withLock { $0.links.append(trace.traceparent) }
    }

    func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {}

    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        let line = self.state.withLock { state -> String? in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return self.line(state)
        }
        if let line { FileHandle.standardError.write(Data((line + "\n").utf8)) }
    }

    /// `span "process welcome" trace=… id=… parent=… millrace.attempt=1 …`.
    private func line(_ state: State) -> String {
        var line = "span \"\(state.name)\" trace=\(self.context.trace?.traceID ?? "none")"
        line += " id=\(self.context.trace?.parentID ?? "none") parent=\(self.parent?.parentID ?? "none")"
        for link in state.links { line += " link=\(link)" }
        var attributes: [String] = []
        state.attributes.forEach { key, value in
            switch value {
            case .string(let text): attributes.append("\(key)=\(text)")
            case .int64(let number): attributes.append("\(key)=\(number)")
            default: attributes.append("\(key)=\(value)")
            }
        }
        line += attributes.sorted().map { " " + $0 }.joined()
        if let message = state.status?.message { line += " error=\"\(message)\"" }
        return line
    }
}
