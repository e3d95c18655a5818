/// A mistake planted into what drives the client's machines: how the simulator is held to find mistakes.
///
/// It lives in here alone: the product has no switch for it. A driver's own mistake is made by the driver; one of the
/// machines by changing what comes out of them, or what goes in, as a broken one would.
package enum Mutant: String, Codable, CaseIterable, Sendable {
    /// A delivery of a channel that has ended is acked by its tag on the next one.
    case acksOldTag
    /// A number is free as soon as we close: close-ok is not waited for.
    case reusesNumberEarly
    /// The input is acked when its outputs are on their way.
    case acksBeforeConfirm
    /// Each nack is for all up to its tag.
    case nacksMultiple
    /// What comes while a handler runs is not looked at when it ends.
    case losesWakeUp
    /// The broker's channel.close is not answered.
    case skipsCloseOk
    /// The commit of one input has the ack of the next in it.
    case sharesCommit
    /// A message that came back counts as confirmed.
    case takesReturnedForConfirmed
    /// Behind a lost connection a worker opens its channel and does not consume.
    case forgetsToConsume
    /// The end waits until nothing is unsettled, and what is unsettled waits for the end.
    case drainWaitsForItself
}
