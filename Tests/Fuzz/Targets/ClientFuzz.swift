/// The whole client against any peer: the input is a program of calls, times and octets from the peer, on one thread.
///
/// The client's calls are made as by an owner without patience: a request that is not answered while it is written has
/// timed out.
package enum ClientFuzz {
    /// How far a run got: so that tests see whether the corpus still reaches what it is for.
    package struct Reached: Equatable, Sendable {
        package var opened = 0
        package var channels = 0
        package var deliveries = 0
        package var settled = 0
        package var published = 0
        package var verdicts = 0
        package var returned = 0
        package var framesWritten = 0
        package var channelEnds = 0

        package init() {}

        package static func += (sum: inout Reached, one: Reached) {
            sum.opened += one.opened
            sum.channels += one.channels
            sum.deliveries += one.deliveries
            sum.settled += one.settled
            sum.published += one.published
            sum.verdicts += one.verdicts
            sum.returned += one.returned
            sum.framesWritten += one.framesWritten
            sum.channelEnds += one.channelEnds
        }
    }

    @discardableResult
    package static func run(_ input: UnsafeRawBufferPointer) throws(Finding) -> Reached {
        let run = ClientRun(FuzzInput(input))
        run.play()
        if let finding = run.finding { throw finding }
        return run.reached
    }
}
