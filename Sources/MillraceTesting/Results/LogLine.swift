public import MillraceHandler

/// A line that a handler or its middleware wrote to the log.
public struct LogLine: Sendable, Equatable {
    /// How severe it is.
    public let level: JobContext.LogLevel
    /// What it says; the supervisor adds the job, and the message if there is one.
    public let text: String

    /// A line to compare with.
    public init(_ level: JobContext.LogLevel, _ text: String) {
        self.level = level
        self.text = text
    }
}
