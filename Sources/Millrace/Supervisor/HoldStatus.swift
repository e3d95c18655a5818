import AMQPCore
import AMQPWire

/// What holds a job, for people and programs.
package struct HoldStatus: Sendable, Equatable {
    package let cause: Circuit.Cause
    /// When that ends, or ended, in seconds since 1970.
    package let until: Int64
    /// The last error, or the handler's word.
    package let reason: String
    /// Messages that went well since it ended; nil while it is held.
    package let tried: Int?
    private let isShort: Bool

    /// Nil if it works.
    ///
    /// - Parameters:
    ///   - phase: Where the job's circuit stands.
    ///   - clock: The time of the monotonic clock.
    ///   - wall: The same, in seconds since 1970.
    package init?(_ phase: Circuit.Phase, clock: UInt64, wall: Int64) {
        let hold: Circuit.Hold
        switch phase {
        case .working: return nil
        case .held(let held): (hold, self.tried) = (held, nil)
        case .trial(let held, _, let done): (hold, self.tried) = (held, done)
        }
        let left = (Double(hold.until) - Double(clock)) / 1e9
        self.until = wall + Int64(left.rounded(.up))
        self.cause = hold.cause
        self.reason = hold.reason
        self.isShort = hold.length < 600_000_000_000
    }

    /// One line: `held by its circuit until 10:42:07, 5 failures in 10s: last error timeout`.
    ///
    /// - Parameter zone: Seconds that the reader's clock is ahead of UTC.
    /// - Returns: Without an end of line.
    package func text(zone: Int64) -> String {
        let time = self.isShort ? ClockText.seconds(self.until, zone: zone) : ClockText.minutes(self.until, zone: zone)
        let held = "held by its \(self.cause.name) until \(time)"
        let reason = PlainText.line(self.reason)
        if let tried {
            return "was \(held); one message at a time, \(tried) of \(Circuit.trialMessages) went well: \(reason)"
        }
        return switch self.cause {
        case .failures(let count, let within):
            "\(held), \(Plural.of(count, "failure")) in \(DurationText.write(.nanoseconds(Int64(clamping: within)))): last error \(reason)"
        case .trial: "\(held), the first message after the last time failed again: last error \(reason)"
        case .handler: "\(held): \(reason)"
        }
    }

    /// As JSON.
    package var value: OptionValue {
        var members: [OptionValue.Member] = [
            .init(key: "by", value: .string(self.cause.name)), .init(key: "until", value: .int(self.until)),
            .init(key: "reason", value: .string(self.reason)),
        ]
        if let tried { members.append(.init(key: "tried", value: .int(Int64(tried)))) }
        return .object(members)
    }
}
