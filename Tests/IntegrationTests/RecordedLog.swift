import AMQPClient
import TestSupport
import Logging

/// Keeps what is logged, for tests of what a log says.
final class RecordedLog: Sendable {
    struct Line: Sendable {
        let text: String
        let metadata: Logger.Metadata
    }
    private let recorded = Monitor<[Line]>([])

    var logger: Logger { Logger(label: "recorded") { _ in Handler(log: self) } }

    var all: [Line] { self.recorded.withLock { $0 } }
    func lines(_ text: String) -> [Line] { self.recorded.withLock { lines in lines.filter { $0.text == text } } }

    func wait(for text: String, count: Int = 1) -> Bool {
        self.recorded.wait(until: MonotonicClock.deadline(in: Patience.long)) { lines -> Bool? in
            lines.count { $0.text == text } >= count ? true : nil
        } ?? false
    }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        init(log: RecordedLog) { self.log = log }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = self.metadata.merging(event.metadata ?? [:]) { _, new in new }
            self.log.recorded.withLock { $0.append(Line(text: "\(event.message)", metadata: metadata)) }
            self.log.recorded.broadcast()
        }
    }
}

extension RecordedLog.Line {
    subscript(key: String) -> String? { self.metadata[key].map { "\($0)" } }
}
