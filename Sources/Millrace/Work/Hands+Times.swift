import AMQPClient
import MillraceMessages

/// How long handlers take, and what they are given has waited.
extension Hands {
    /// The handler of a delivery that is timed has returned; its wait is looked at now, so that this is not its handler's time.
    @inline(never)  // one in many, where handlers are short
    func stopTime(_ delivery: InFlight, _ arrivedAt: UInt64, _ weight: Int) {
        let time = MonotonicClock.now() &- delivery.timedFrom
        self.times.ended(after: time, weight: weight)
        self.noteWait(delivery, arrivedAt, now: delivery.timedFrom, ago: time, weight: weight)
    }

    /// How long a message has waited until now: since it was published, if it says when, else since it was read here.
    ///
    /// Of its first attempt alone: what comes again has waited for other reasons.
    ///
    /// - Parameters:
    ///   - delivery: Its.
    ///   - arrivedAt: When it was read; 0 if nobody knows.
    ///   - now: When its handler began.
    ///   - ago: How long ago that is.
    ///   - weight: How many it stands for.
    func noteWait(_ delivery: InFlight, _ arrivedAt: UInt64, now: UInt64, ago: UInt64 = 0, weight: Int) {
        guard !delivery.record.redelivered, !delivery.isCopy else { return }
        let here = arrivedAt > 0 && arrivedAt < now ? now - arrivedAt : 0
        let header = delivery.slice(delivery.record.headerOffset, delivery.record.headerLength)
        let published = PublishedTime(header)
        if published == nil, arrivedAt == 0 { return }
        let since = published?.age(now: WallClock.milliseconds()) ?? 0
        self.times.waited(max(here, since > ago ? since - ago : 0), weight: weight)
    }

    /// What was begun last took as long, by the coarse clock.
    @inline(__always)
    func lookAtUntimed(_ time: UInt64) { if time >= TimeSampler.long { self.lookAtLast(time) } }

    @inline(never)
    private func lookAtLast(_ time: UInt64) {
        // A task tells its time when it ends.
        if !self.isAsync, self.wasLastUntimed { self.times.passed(after: time) }
        self.wasLastUntimed = false
    }

    /// Tasks that have ended.
    func takeTimes(_ ended: [InFlight]) {
        let now = MonotonicClock.now()
        for delivery in ended {
            if delivery.timeWeight > 0 {
                self.times.ended(after: now &- delivery.timedFrom, weight: delivery.timeWeight)
            } else {
                self.times.passed(after: now &- delivery.beganAt)
            }
        }
    }
}
