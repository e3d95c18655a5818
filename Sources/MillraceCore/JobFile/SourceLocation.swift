/// A place in a job file, so that what comes later (a queue that clashes, a plugin that will not load) can point at it.
public struct SourceLocation: Sendable, Equatable, CustomStringConvertible {
    /// The file as it was named to `JobFile.load`.
    public var file: String
    /// The line, from 1; 0 if the place is the file as a whole.
    public var line: Int
    /// The column in characters (Unicode code points), from 1; 0 if the place is the file as a whole.
    public var column: Int

    /// Makes a location.
    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `jobs.yaml:14:5`, or only the file's name where there is no line.
    public var description: String {
        self.line > 0 ? "\(self.file):\(self.line):\(self.column)" : self.file
    }
}
