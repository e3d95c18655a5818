/// One call of `holdJob`: what the supervisor would hold the job for.
///
/// The test kit holds nothing: it goes on with the next message.
public struct RecordedHold: Sendable, Equatable {
    /// For how long.
    public let time: Duration
    /// The handler's word.
    public let reason: String

    /// A call to compare with.
    public init(_ time: Duration, _ reason: String) {
        self.time = time
        self.reason = reason
    }
}
