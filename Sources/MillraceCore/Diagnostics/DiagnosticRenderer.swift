import AMQPCore
import AMQPWire

/// Writes diagnostics as text: the place, the line, a caret under the token, the help, and a closing line.
///
/// Nothing of it can reach a terminal or begin a line of its own, file names included.
package enum DiagnosticRenderer {
    /// A file with more than this has one mistake made many times; the rest is counted, not printed.
    package static let printLimit = 50
    /// Longer lines are cut to a window around the token.
    package static let lineLimit = 160

    package static func render(
        _ diagnostics: [Diagnostic],
        consequence: String = "nothing was started"
    ) -> String {
        var text = diagnostics.prefix(Self.printLimit).map(Self.render).joined()
        if diagnostics.count > Self.printLimit {
            text += "... and \(diagnostics.count - Self.printLimit) more\n"
        }
        return text + Self.closingLine(diagnostics, consequence)
    }

    private static func render(_ diagnostic: Diagnostic) -> String {
        let place = SourceLocation(file: diagnostic.file, line: diagnostic.line, column: diagnostic.column)
        let what = "\(diagnostic.severity.rawValue): \(diagnostic.message) [\(diagnostic.id)]"
        var text = PlainText.line("\(place): \(what)") + "\n"
        let help = diagnostic.help.map { PlainText.line($0) }
        guard diagnostic.line > 0, let sourceLine = diagnostic.sourceLine else {
            return help.map { text + "      = \($0)\n" } ?? text
        }
        let number = String(diagnostic.line)
        let margin = max(5, number.utf8.count)
        let (line, start) = Self.window(of: Self.visible(sourceLine), around: diagnostic.column - 1)
        text += "\(Self.spaces(margin - number.utf8.count))\(number) | \(Self.string(line[...]))\n"
        text += "\(Self.spaces(margin + 1))| \(Self.padding(under: line[..<start]))"
        let token = line[start...].prefix(diagnostic.length)
        let width = token.reduce(0) { $0 + CharacterWidth.columns(of: $1) }
        text += "^" + String(repeating: "~", count: max(width, 1) - 1)
        return text + (help.map { " \($0)" } ?? "") + "\n"
    }

    /// What a terminal would obey is one mark, of one column, so that carets stay where they belong.
    private static func visible(_ line: String) -> [Unicode.Scalar] {
        line.unicodeScalars.map { PlainText.isHidden($0) && $0 != "\t" ? "\u{FFFD}" : $0 }
    }

    /// The part of a line to show, and where in it the token starts.
    private static func window(of line: [Unicode.Scalar], around start: Int) -> ([Unicode.Scalar], Int) {
        let start = min(max(start, 0), line.count)
        guard line.count > Self.lineLimit else { return (line, start) }
        let from = max(0, start - Self.lineLimit / 4)
        let upTo = min(line.count, from + Self.lineLimit)
        let before: [Unicode.Scalar] = from > 0 ? ["…"] : []
        let after: [Unicode.Scalar] = upTo < line.count ? ["…"] : []
        return (before + line[from..<upTo] + after, before.count + start - from)
    }

    /// As wide as the text above it on any screen: a tab stays a tab.
    private static func padding(under text: ArraySlice<Unicode.Scalar>) -> String {
        text.map { $0 == "\t" ? "\t" : Self.spaces(CharacterWidth.columns(of: $0)) }.joined()
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }

    private static func closingLine(_ diagnostics: [Diagnostic], _ consequence: String) -> String {
        let errors = diagnostics.filter { $0.severity == .error }.count
        let warnings = diagnostics.count - errors
        let file = PlainText.line(diagnostics.first?.file ?? "")
        let counted = [(errors, "error"), (warnings, "warning")].filter { $0.0 > 0 }
            .map { Plural.of($0.0, $0.1) }.joined(separator: " and ")
        if counted.isEmpty { return "" }
        return "\(counted) in \(file)" + (errors > 0 ? "; \(consequence).\n" : ".\n")
    }
}
