/// A job's `publish`: how a handler's outputs travel.
public struct PublishPolicy: Sendable, Equatable {
    /// What is waited for before the input is acked.
    public enum Mode: String, Sendable, Equatable, CaseIterable {
        /// Nothing.
        case none
        /// The broker's confirm of every output.
        case confirm
        /// The commit of a transaction that several inputs share; slower than confirms.
        case tx
    }

    /// Confirm unless given.
    public var mode: Mode
    /// Whether an output that no queue takes is a failure of its input; true unless given.
    public var mandatory: Bool
    /// How many inputs go together, and how long the first waits for the others; nil is one in confirm mode, and in tx
    /// mode up to 100 without waiting.
    public var batch: PublishBatch?

    /// Makes a policy in code; nothing is checked.
    public init(mode: Mode = .confirm, mandatory: Bool = true, batch: PublishBatch? = nil) {
        self.mode = mode
        self.mandatory = mandatory
        self.batch = batch
    }
}

/// Inputs whose outputs are published together.
public struct PublishBatch: Sendable, Equatable {
    /// At most so many inputs.
    public var size: Int
    /// How long the first waits for others while the job is idle; zero does not wait.
    public var timeout: Duration

    /// Makes a batch in code; nothing is checked.
    public init(size: Int, timeout: Duration = .zero) {
        self.size = size
        self.timeout = timeout
    }
}
