import MillraceHandler
import Tracing

/// A tracer that keeps its spans, in the W3C format.
///
/// Its ids are numbers in order, so that a test can name them.
struct RecordingTracer: Tracer {
    /// What has become of the spans, in the order in which they were started.
    let book = Book()
    /// Whether a child has its parent's `tracestate`.
    var keepsState = true

    // @unchecked Sendable: `lock` guards all of it.
    final class Book: @unchecked Sendable {
        private let lock = Lock()
        private var records: [SpanRecord] = []

        func add(_ make: (Int) -> SpanRecord) -> Int {
            self.lock.locked {
                self.records.append(make(self.records.count + 1))
                return self.records.count - 1
            }
        }

        func change<R>(_ index: Int, _ body: (inout SpanRecord) -> R) -> R {
            self.lock.locked { body(&self.records[index]) }
        }

        var all: [SpanRecord] { self.lock.locked { self.records } }
    }

    func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> RecordedSpan {
        var context = context()
        let parent = context.traceContext
        let index = self.book.add { number in
            let own = TraceContext(
                traceparent: "00-\(parent?.traceID ?? hex(number, digits: 32))-\(hex(number, digits: 16))-01",
                tracestate: self.keepsState ? parent?.state : nil
            )
            return SpanRecord(name: operationName, kind: kind, parent: parent, own: own)
        }
        context.traceContext = self.book.all[index].own
        return RecordedSpan(book: self.book, index: index, context: context)
    }

    func forceFlush() {}

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let parent = extractor.extract(key: "traceparent", from: carrier) else { return }
        let state = extractor.extract(key: "tracestate", from: carrier)
        context.traceContext = TraceContext(traceparent: parent, tracestate: state)
    }

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let trace = context.traceContext else { return }
        injector.inject(trace.traceparent, forKey: "traceparent", into: &carrier)
        if let state = trace.state { injector.inject(state, forKey: "tracestate", into: &carrier) }
    }
}

/// One span as it is by now.
struct SpanRecord {
    var name: String
    let kind: SpanKind
    let parent: TraceContext?
    let own: TraceContext?
    var attributes: SpanAttributes = [:]
    var status: SpanStatus?
    var errors: [String] = []
    var links: [String] = []
    var ends = 0
}

struct RecordedSpan: Span {
    let book: RecordingTracer.Book
    let index: Int
    let context: ServiceContext

    var isRecording: Bool { self.book.change(self.index) { $0.ends == 0 } }

    var operationName: String {
        get { self.book.change(self.index) { $0.name } }
        nonmutating set { self.book.change(self.index) { $0.name = newValue } }
    }

    var attributes: SpanAttributes {
        get { self.book.change(self.index) { $0.attributes } }
        nonmutating set { self.book.change(self.index) { $0.attributes = newValue } }
    }

    func setStatus(_ status: SpanStatus) { self.book.change(self.index) { $0.status = status } }

    func addEvent(_ event: SpanEvent) {}

    func addLink(_ link: SpanLink) {
        self.book.change(self.index) { $0.links.append(link.context.traceContext?.traceparent ?? "none") }
    }

    func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) { self.book.change(self.index) { $0.errors.append("\(error)") } }

    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        self.book.change(self.index) { $0.ends += 1 }
    }
}

extension ServiceContext {
    private enum Key: ServiceContextKey { typealias Value = TraceContext }

    var traceContext: TraceContext? {
        get { self[Key.self] }
        set { self[Key.self] = newValue }
    }
}

private func hex(_ number: Int, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: digits - text.count) + text
}
