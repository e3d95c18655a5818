package import AMQPWire

/// What a copy in a delay queue says about its wait, in two headers.
package struct DelayNote: Equatable, Sendable {
    /// When the wait is over, in milliseconds since 1970.
    package let due: Int64
    /// What of the wait is left after this stage, in milliseconds.
    package let left: Int64

    /// - Parameters:
    ///   - wait: What is left of the wait, in milliseconds.
    ///   - stage: The length of the stage that it goes into, in milliseconds.
    ///   - now: Whole milliseconds since 1970; what has passed of the next one is not known.
    package init(wait: Int, stage: Int, now: Int64) {
        // Up to a millisecond late, never early.
        self.due = now &+ Int64(wait) &+ 1
        // The first stage holds a message for the whole of a wait that is shorter than the next stage.
        self.left = stage == 0 ? 0 : Int64(max(wait - stage, 0))
    }

    /// - Returns: Nil for a message that has no such note.
    package init?(_ headers: FieldTable?) {
        guard let due = headers?[JobHeaders.due]?.intValue, let left = headers?[JobHeaders.left]?.intValue else {
            return nil
        }
        self.due = due
        self.left = max(left, 0)
    }

    package func write(to headers: inout FieldTable) {
        headers[JobHeaders.due] = .int64(self.due)
        headers[JobHeaders.left] = .int64(self.left)
    }

    package static func remove(from headers: inout FieldTable) {
        headers[JobHeaders.due] = nil
        headers[JobHeaders.left] = nil
    }

    /// How long until the stage is over, and until the whole wait is, in milliseconds.
    ///
    /// A clock that was set back costs at most one stage: nobody waits in a stage for longer than its length.
    ///
    /// - Parameters:
    ///   - stage: The stage that it is in, in milliseconds; of the first one the length of the second.
    ///   - now: Milliseconds since 1970.
    /// - Returns: Both from 0; `all` is at least `stage`.
    package func remaining(stage: Int, now: Int64) -> (stage: Int, all: Int) {
        let all = max(self.due.subtractingSaturated(now), 0)
        let inStage = min(max(all.subtractingSaturated(self.left), 0), Int64(stage))
        return (Int(inStage), Int(min(all, inStage.addingSaturated(self.left), Int64(Wait.longest))))
    }
}

extension Int64 {
    fileprivate func subtractingSaturated(_ other: Int64) -> Int64 {
        let (difference, isTooMuch) = self.subtractingReportingOverflow(other)
        return isTooMuch ? (other > 0 ? .min : .max) : difference
    }

    fileprivate func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, isTooMuch) = self.addingReportingOverflow(other)
        return isTooMuch ? (other > 0 ? .max : .min) : sum
    }
}
