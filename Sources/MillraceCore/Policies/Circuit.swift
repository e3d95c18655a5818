import AMQPCore

/// Whether a job takes messages, by how it went lately: it works, it is held, or it tries a few first.
///
/// A value: what happened comes in with the time, in nanoseconds of the monotonic clock. Each change of who may work has a
/// number, its epoch: what a worker of an earlier one reports says nothing about now.
///
/// Why: record 21, held jobs.
package struct Circuit: Sendable, Equatable {
    /// Who holds it.
    package enum Cause: Sendable, Equatable {
        /// Its circuit: so many failures in so many nanoseconds.
        case failures(Int, within: UInt64)
        /// Its circuit: one of the first messages after it was held failed again.
        case trial
        /// Its handler asked for it.
        case handler
    }

    package struct Hold: Sendable, Equatable {
        package var cause: Cause
        package var until: UInt64
        /// How long it was to be.
        package var length: UInt64
        /// The last error, or the handler's word.
        package var reason: String
    }

    package enum Phase: Sendable, Equatable {
        case working
        case held(Hold)
        /// One message at a time; `done` have gone well.
        case trial(Hold, since: UInt64, done: Int)
    }

    /// So many messages go well, one after the other, before all threads work again.
    package static let trialMessages = 3
    /// The longest that a handler can hold its job at one time: a day, in nanoseconds.
    package static let longestHold: UInt64 = 86_400_000_000_000

    package private(set) var phase = Phase.working
    package private(set) var epoch = 0
    private var settings: CircuitSettings?
    /// When it failed, the oldest first.
    private var failures: [UInt64] = []
    /// How long the circuit holds it the next time.
    private var pause: UInt64

    package init(_ settings: CircuitSettings?) {
        self.settings = settings
        self.pause = settings?.pause.nanoseconds ?? 0
    }

    /// Whether nothing may begin.
    package var isHeld: Bool { if case .held = self.phase { true } else { false } }

    /// How many workers there may be, of so many.
    package func threads(of target: Int) -> Int {
        switch self.phase {
        case .working: target
        case .held: 0
        case .trial: min(target, 1)
        }
    }

    // MARK: What happens

    /// A message has failed.
    ///
    /// - Parameters:
    ///   - reason: Why.
    ///   - epoch: Its worker's.
    ///   - now: The time.
    /// - Returns: Whether the job is held from now on, by this.
    package mutating func failed(_ reason: String, epoch: Int, now: UInt64) -> Bool {
        guard epoch == self.epoch else { return false }
        guard let settings = self.settings else {
            self.succeeded(epoch: epoch)  // nobody asks how it went; a handler that notices holds it again
            return false
        }
        switch self.phase {
        case .held: return false
        case .trial:
            self.hold(.trial, for: self.pause, reason, now)
        case .working:
            let span = settings.within.nanoseconds
            self.failures.removeAll { now &- $0 >= span }
            self.failures.append(now)
            guard self.failures.count >= settings.failures else { return false }
            self.pause = settings.pause.nanoseconds
            self.hold(.failures(settings.failures, within: span), for: self.pause, reason, now)
        }
        self.pause = min(self.pause &* 2, settings.longestPause.nanoseconds)
        return true
    }

    /// A message has come to an end that is no failure.
    package mutating func succeeded(epoch: Int) {
        guard epoch == self.epoch, case .trial(let hold, let since, let done) = self.phase else { return }
        if done + 1 >= Self.trialMessages { return self.work() }
        self.phase = .trial(hold, since: since, done: done + 1)
    }

    /// The job's handler wants it held; a hold that is longer stays.
    ///
    /// - Returns: Whether the job is held from now on, by this.
    package mutating func hold(for length: UInt64, reason: String, now: UInt64) -> Bool {
        let length = min(max(length, 1_000_000), Self.longestHold)
        if case .held(let hold) = self.phase {
            if now &+ length > hold.until { self.hold(.handler, for: length, reason, now) }
            return false
        }
        self.hold(.handler, for: length, reason, now)
        return true
    }

    private mutating func hold(_ cause: Cause, for length: UInt64, _ reason: String, _ now: UInt64) {
        self.phase = .held(Hold(cause: cause, until: now &+ length, length: length, reason: reason))
        self.failures = []
    }

    /// Somebody knows that it goes well again.
    ///
    /// - Returns: Whether that changes anything.
    package mutating func release() -> Bool {
        guard self.phase != .working else { return false }
        self.work()
        return true
    }

    private mutating func work() {
        self.phase = .working
        self.epoch += 1
        self.failures = []
        self.pause = self.settings?.pause.nanoseconds ?? 0
    }

    /// The job is written otherwise from now on; without a circuit it is not held by one.
    package mutating func change(_ settings: CircuitSettings?) {
        guard settings != self.settings else { return }
        self.settings = settings
        self.failures = []
        self.pause = settings?.pause.nanoseconds ?? 0
        guard settings == nil else { return }
        switch self.phase {
        case .held(let hold) where hold.cause != .handler: self.work()
        case .held, .trial, .working: break
        }
    }

    // MARK: Time

    /// Goes on with the time: who was held for long enough tries, and who has tried for as long works if a message went well.
    ///
    /// - Returns: Whether that changed anything.
    package mutating func advance(now: UInt64) -> Bool {
        guard let wake = self.wake, now >= wake else { return false }
        switch self.phase {
        case .working: return false
        case .held(let hold):
            self.phase = .trial(hold, since: now, done: 0)
            self.epoch += 1
        case .trial: self.work()
        }
        return true
    }

    /// When to ask again though nothing happens.
    package var wake: UInt64? {
        switch self.phase {
        case .working: nil
        case .held(let hold): hold.until
        case .trial(let hold, let since, let done): done > 0 ? since &+ hold.length : nil
        }
    }
}
