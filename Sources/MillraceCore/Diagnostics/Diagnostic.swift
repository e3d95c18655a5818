/// One thing wrong, or odd, in a job file: what, where, and what to write instead.
public struct Diagnostic: Sendable, Equatable {
    /// Whether the file can be used all the same.
    public enum Severity: String, Sendable, Equatable {
        /// The file is refused.
        case error
        /// The file is used; it may not mean what was meant.
        case warning
    }

    /// Whether the file can be used all the same.
    public var severity: Severity
    /// A stable word for this kind of diagnostic, such as `unknown-key`.
    public var id: String
    /// The file as it was named to `JobFile.load`.
    public var file: String
    /// The line, from 1; 0 if it is about the file as a whole.
    public var line: Int
    /// The column in characters (Unicode code points), from 1; 0 if it is about the file as a whole.
    public var column: Int
    /// How many characters of the line it is about, at least 1; 0 if it is about the file as a whole.
    public var length: Int
    /// What is wrong, in one line.
    public var message: String
    /// What to write instead, if that is known.
    public var help: String?
    /// The line itself, with passwords in URIs masked; `nil` if it is about the file as a whole.
    public var sourceLine: String?

    /// Makes a diagnostic.
    public init(
        severity: Severity,
        id: String,
        file: String,
        line: Int,
        column: Int,
        length: Int,
        message: String,
        help: String? = nil,
        sourceLine: String? = nil
    ) {
        self.severity = severity
        self.id = id
        self.file = file
        self.line = line
        self.column = column
        self.length = length
        self.message = message
        self.help = help
        self.sourceLine = sourceLine
    }
}
