/// Why a job file was refused: everything that is wrong with it, in the order of the file.
public struct JobFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was found; at least one of them is an error.
    public var diagnostics: [Diagnostic]

    /// Makes an error of what was found.
    public init(diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
    }

    /// The diagnostics as text of several lines, as `millrace check` prints them.
    public var description: String { DiagnosticRenderer.render(self.diagnostics) }
}
