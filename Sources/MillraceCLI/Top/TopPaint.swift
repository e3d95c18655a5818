import Glibc

/// From lines to what a terminal is sent.
enum TopPaint {
    /// Whether lines may have colours: not where `NO_COLOR` stands, and not on what is no terminal, or a dumb one.
    ///
    /// - Parameters:
    ///   - environment: Looks a variable up.
    ///   - isTerminal: Whether a terminal shows it.
    /// - Returns: Whether they may.
    static func hasColours(_ environment: (String) -> String?, isTerminal: Bool) -> Bool {
        isTerminal && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
    }

    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    static func paint(_ line: TopScreen.Line, hasColours: Bool) -> String {
        guard hasColours, !line.text.isEmpty else { return line.text }
        let code =
            switch line.style {
            case .plain: ""
            case .title: "1"
            case .faint: "2"
            case .warning: "33"
            case .alarm: "31"
            }
        return code.isEmpty ? line.text : "\u{1B}[\(code)m\(line.text)\u{1B}[0m"
    }

    /// A whole screen, over what was there: no line is blank for a moment.
    static func frame(_ lines: [TopScreen.Line], hasColours: Bool) -> String {
        "\u{1B}[H" + lines.map { Self.paint($0, hasColours: hasColours) + "\u{1B}[K" }.joined(separator: "\r\n")
            + "\u{1B}[J"
    }
}
