/// A duration that was measured, and how many deliveries it stands for.
struct TimeSample: Equatable, Sendable {
    enum Kind: Sendable {
        /// From the handler's begin to its outcome.
        case handler
        /// From the publish, or the arrival here, to the handler's begin.
        case wait
    }

    let kind: Kind
    let nanoseconds: UInt64
    let weight: UInt64
}
