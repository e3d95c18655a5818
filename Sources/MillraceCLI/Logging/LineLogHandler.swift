import Glibc
import Logging
import Millrace

/// One line per event on standard error, for people or as JSON.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    private let format: LoggingOptions.Format
    private let isColored: Bool

    init(format: LoggingOptions.Format, level: Logger.Level) {
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
        let line = self.format == .json ? self.json(event, metadata) : self.human(event, metadata)
        let octets = Array(line.utf8)
        _ = write(STDERR_FILENO, octets, octets.count)  // one call, so that lines of several threads do not mix
    }

    private func human(_ event: LogEvent, _ metadata: Logger.Metadata) -> String {
        var line = "\(Self.timestamp()) \(self.colored(event.level)) \(event.message)"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let text = "\(value)"
            line += " \(key)=" + (text.contains(where: { $0 == " " || $0 == "\"" }) ? "\"\(text)\"" : text)
        }
        return line.replacing("\n", with: "\\n") + "\n"
    }

    private func colored(_ level: Logger.Level) -> String {
        let word = level.rawValue.uppercased()
        let padded = word + String(repeating: " ", count: max(0, 7 - word.count))
        guard self.isColored else { return padded }
        switch level {
        case .error, .critical: return "\u{1B}[31m\(padded)\u{1B}[0m"
        case .warning: return "\u{1B}[33m\(padded)\u{1B}[0m"
        case .trace, .debug, .info, .notice: return padded
        }
    }

    private func json(_ event: LogEvent, _ metadata: Logger.Metadata) -> String {
        var members: [OptionValue.Member] = [
            .init(key: "time", value: .string(Self.timestamp())),
            .init(key: "level", value: .string(event.level.rawValue)),
            .init(key: "message", value: .string("\(event.message)")),
        ]
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            members.append(.init(key: key, value: .string("\(value)")))
        }
        return OptionValue.object(members).json + "\n"
    }

    /// UTC with milliseconds, as RFC 3339 has it.
    private static func timestamp() -> String {
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
