/// A job's `ack`: when the broker hears that a message is done.
public struct AckPolicy: Sendable, Equatable {
    /// Who settles a delivery.
    public enum Mode: String, Sendable, Equatable, CaseIterable {
        /// The worker, by the handler's outcome.
        case auto
        /// Nobody: the broker forgets a message when it has sent it, and a crash loses it.
        case none
    }

    /// Auto unless given.
    public var mode: Mode
    /// How many acks may wait for one frame; 1 unless given, at most the job's prefetch.
    public var batch: Int

    /// Makes a policy in code; nothing is checked.
    public init(mode: Mode = .auto, batch: Int = 1) {
        self.mode = mode
        self.batch = batch
    }
}
