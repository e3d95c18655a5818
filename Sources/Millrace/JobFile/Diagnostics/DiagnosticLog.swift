/// Gathers what is wrong with one file, in any order; reading goes on after each.
///
/// A class, not `Sendable`: it belongs to one reading of one file, and every layer of that reading adds to it.
package final class DiagnosticLog {
    /// Past this nothing more is kept: nobody reads it, and a hostile file could ask for millions.
    package static let limit = 1000
    /// Warnings leave room for errors, so that a file with both is never taken for one with warnings alone.
    private static let warningLimit = 100

    private struct Entry: Hashable {
        let severity: Diagnostic.Severity
        let id: DiagnosticID
        let span: SourceSpan
        let message: String
        let help: String?
    }

    package let source: SourceText
    /// What may be said of values.
    package var confidences = Confidences()
    private var entries: Set<Entry> = []

    package init(source: SourceText) {
        self.source = source
    }

    /// Nothing more is kept: whoever works only to say what is wrong can stop.
    package var isFull: Bool { self.entries.count >= Self.limit }

    package var hasErrors: Bool { self.entries.contains { $0.severity == .error } }

    /// Adds an error.
    ///
    /// The same one twice (a shared anchor read from two places) counts once.
    package func error(_ id: DiagnosticID, _ span: SourceSpan, _ message: String, help: String? = nil) {
        self.add(Entry(severity: .error, id: id, span: span, message: message, help: help))
    }

    package func warning(_ id: DiagnosticID, _ span: SourceSpan, _ message: String, help: String? = nil) {
        guard self.entries.count < Self.warningLimit else { return }
        self.add(Entry(severity: .warning, id: id, span: span, message: message, help: help))
    }

    private func add(_ entry: Entry) {
        guard !self.isFull else { return }
        self.entries.insert(entry)
    }

    /// A value in quotes, as a message may show it: not what a variable or a key that says secret holds.
    package func quoted(_ value: String, at span: SourceSpan) -> String {
        Millrace.quoted(self.shown(value, at: span))
    }

    /// A value as a message may show it, if it is a harmless one.
    package func shown(_ value: String, at span: SourceSpan) -> String {
        self.confidences.shown(value, at: span)
    }

    package func shown(_ value: Located<some Any>) -> String { self.shown("\(value.value)", at: value.span) }

    /// Everything so far, in the order of the file.
    package func diagnostics() -> [Diagnostic] {
        if self.entries.isEmpty { return [] }
        var lines: [Int: String] = [:]  // one copy per line, however many diagnostics it has
        let masked = SecretMask.masking(self.source.scalars, spans: self.confidences.secrets)
        let ordered = self.entries.sorted {
            ($0.span.start, $0.id.rawValue, $0.message) < ($1.span.start, $1.id.rawValue, $1.message)
        }
        return ordered.map { entry in
            let place = self.source.place(of: entry.span)
            let line = lines[place.line] ?? self.source.shownLine(place.line, of: masked)
            lines[place.line] = line
            return Diagnostic(
                severity: entry.severity,
                id: entry.id.rawValue,
                file: self.source.file,
                line: place.line,
                column: place.column,
                length: place.length,
                message: entry.message,
                help: entry.help,
                sourceLine: line
            )
        }
    }
}
