/// A rule that a run has broken.
package struct Violation: Equatable, Sendable {
    package enum Invariant: String, Codable, CaseIterable, Sendable {
        /// What was confirmed is in a queue, or settled.
        case confirmedIsKept
        /// An input is acked when the broker has all its outputs.
        case outputsBeforeAck
        /// A delivery has one outcome, and its owner chose it.
        case oneOutcome
        /// Nothing is sent for a channel that is not open.
        case closedChannel
        /// The frames of a content follow each other.
        case contentsWhole
        /// A number is used again when the close of its last channel is answered both ways.
        case numberReused
        /// Whoever waits for an answer gets one, once.
        case waiterEndsOnce
        /// The owner is told what the broker said of its publish.
        case verdictIsTrue
        /// Neither side breaks the protocol.
        case protocolKept
        /// With the faults over, all that was published is worked off.
        case drains
        /// Who is to end ends.
        case ends
        /// When all is quiet, nothing is held.
        case memory

        /// As a failure is told: `liveness` is what never came.
        package var kind: String {
            switch self {
            case .drains, .ends: "liveness"
            default: "correctness"
            }
        }
    }
    package let invariant: Invariant
    package let text: String
}
