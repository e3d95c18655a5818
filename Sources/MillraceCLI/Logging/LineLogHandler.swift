import AMQPClient
import Glibc
import Logging
import Millrace

/// One line per event on standard error, for people or as JSON.
struct LineLogHandler: PlainLineHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    private let format: LoggingOptions.Format
    private let isColored: Bool
    private let sink: OutputSink?

    /// - Parameters:
    ///   - format: Of the lines.
    ///   - level: The least that is logged.
    ///   - sink: Where they go, so that nobody waits for who reads them; nil writes them at once.
    init(format: LoggingOptions.Format, level: Logger.Level, sink: OutputSink? = nil) {
        self.sink = sink
        self.format = format
        self.logLevel = level
        self.isColored = format == .human && isatty(STDERR_FILENO) == 1 && getenv("NO_COLOR") == nil
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var metadata = self.metadata
        if let more = event.metadata { metadata.merge(more) { _, new in new } }
        let line = LogLine(time: Self.timestamp(), level: event.level, message: event.message, metadata: metadata)
        let text = self.format == .json ? line.json : line.human(isColored: self.isColored)
        if let sink { return sink.write(text) }
        let octets = Array(text.utf8)
        _ = write(STDERR_FILENO, octets, octets.count)  // one call, so that lines of several threads do not mix
    }

    /// UTC with milliseconds, as RFC 3339 has it.
    static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var seconds = now.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: some BinaryInteger, _ width: Int) -> String {
            let digits = "\(value)"
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let time = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "\(date)T\(time).\(padded(now.tv_nsec / 1_000_000, 3))Z"
    }
}
