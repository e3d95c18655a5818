/// A job's `publish`: how a handler's outputs travel.
public struct PublishPolicy: Sendable, Equatable {
    /// What is waited for before the input is acked.
    public enum Mode: String, Sendable, Equatable, CaseIterable {
        /// Nothing.
        case none
        /// The broker's confirm of every output.
        case confirm
    }

    /// Confirm unless given.
    public var mode: Mode
    /// Whether an output that no queue takes is a failure of its input; true unless given.
    public var mandatory: Bool

    /// Makes a policy in code; nothing is checked.
    public init(mode: Mode = .confirm, mandatory: Bool = true) {
        self.mode = mode
        self.mandatory = mandatory
    }
}
