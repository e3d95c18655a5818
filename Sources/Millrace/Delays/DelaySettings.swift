/// How copies wait and come back.
package struct DelaySettings: Sendable, Equatable {
    package var ladder = DelayLadder.standard
    /// Messages of one delay queue that a supervisor has in hand; more wait in the queue.
    package var window = 32
    /// A copy that has to wait longer than this after its stage goes into another stage, so that it is not unacked for
    /// longer than a broker allows (`consumer_timeout`, 30 minutes unless set).
    package var longestHold = Duration.seconds(256)
    /// Before a copy is tried again that the job's queue did not take.
    package var firstPause = Duration.milliseconds(200)
    /// The pause doubles up to this.
    package var longestPause = Duration.seconds(15)

    package init() {}
}
