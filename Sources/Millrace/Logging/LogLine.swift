import AMQPClient
package import Logging

/// One event of a log as exactly one line: what is in it can neither end the line nor reach a terminal.
package struct LogLine {
    private let time: String
    private let level: Logger.Level
    private let message: String
    private let metadata: [(key: String, value: Logger.Metadata.Value)]

    /// - Parameters:
    ///   - time: As the line shows it.
    ///   - level: Of the event.
    ///   - message: Of the event.
    ///   - metadata: Shown by name.
    package init(time: String, level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata) {
        self.time = time
        self.level = level
        self.message = "\(message)"
        self.metadata = metadata.sorted { $0.key < $1.key }
    }

    /// For people: `TIME LEVEL message key=value key="a value"`.
    ///
    /// A value is quoted if it could be taken for something else; then `"` and `\` in it have a `\` before them.
    ///
    /// - Parameter isColored: Whether errors are red and warnings yellow.
    /// - Returns: The line and its end.
    package func human(isColored: Bool) -> String {
        var line = "\(self.time) \(self.word(isColored: isColored)) \(PlainText.line(self.message))"
        for (key, value) in self.metadata { line += " \(PlainText.line(key))=\(Self.shown("\(value)"))" }
        return line + "\n"
    }

    /// Numbers as numbers; all else as its text.
    private static func json(_ value: Logger.Metadata.Value) -> OptionValue {
        guard case .stringConvertible(let plain) = value, value.isNumberOrFlag else { return .string("\(value)") }
        if let flag = plain as? Bool { return .bool(flag) }
        let number = (plain as? any BinaryInteger).flatMap { Int64(exactly: $0) }
        return number.map(OptionValue.int) ?? .string("\(value)")
    }

    private static func shown(_ value: String) -> String {
        let isClear = value.unicodeScalars.allSatisfy { $0 != "\"" && $0 != "=" && !$0.properties.isWhitespace }
        if isClear, !value.isEmpty { return PlainText.line(value) }
        let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(PlainText.line(escaped))\""
    }

    private func word(isColored: Bool) -> String {
        let word = self.level.rawValue.uppercased()
        let padded = word + String(repeating: " ", count: max(0, 7 - word.count))
        guard isColored else { return padded }
        switch self.level {
        case .error, .critical: return "\u{1B}[31m\(padded)\u{1B}[0m"
        case .warning: return "\u{1B}[33m\(padded)\u{1B}[0m"
        case .trace, .debug, .info, .notice: return padded
        }
    }

    /// One JSON object and the line's end.
    package var json: String {
        var members: [OptionValue.Member] = [
            .init(key: "time", value: .string(self.time)),
            .init(key: "level", value: .string(self.level.rawValue)),
            .init(key: "message", value: .string(self.message)),
        ]
        for (key, value) in self.metadata { members.append(.init(key: key, value: Self.json(value))) }
        return OptionValue.object(members).json + "\n"
    }
}
