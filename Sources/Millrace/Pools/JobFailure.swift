/// What went wrong with a job's messages last.
package struct JobFailure: Equatable, Sendable {
    /// The handler's words, or ours.
    package let text: String
    /// Seconds since 1970.
    package let time: Int64

    package init(text: String, time: Int64) {
        self.text = text
        self.time = time
    }
}
