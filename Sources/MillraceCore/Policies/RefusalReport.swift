/// What the log says of outputs that the broker refuses: that it began, now and then how it goes, that it is over.
///
/// A value; times are nanoseconds of the monotonic clock.
package struct RefusalReport: Equatable, Sendable {
    package enum Line: Equatable, Sendable {
        case began
        /// - Parameters:
        ///   - refusals: Since it began.
        ///   - nanoseconds: For so long.
        case goesOn(refusals: Int, nanoseconds: UInt64)
        case over(refusals: Int, nanoseconds: UInt64)
    }

    /// Between two lines that it goes on.
    package static let interval: UInt64 = 30_000_000_000
    /// Without a refusal for so long it is over: what comes and goes is one trouble, not many.
    package static let quiet: UInt64 = 2_000_000_000

    private struct Trouble: Equatable, Sendable {
        let since: UInt64
        var lastLine: UInt64
        var lastRefusal: UInt64
        var refusals: Int
    }
    private var trouble: Trouble?

    package init() {}

    package var isQuiet: Bool { self.trouble == nil }

    /// Some outputs were refused.
    package mutating func refused(_ count: Int, now: UInt64) -> Line? {
        guard count > 0 else { return nil }
        guard var trouble = self.trouble else {
            self.trouble = Trouble(since: now, lastLine: now, lastRefusal: now, refusals: count)
            return .began
        }
        trouble.refusals += count
        trouble.lastRefusal = now
        self.trouble = trouble
        return nil
    }

    /// What is to be said now; `isWaiting`: whether something that was refused still waits.
    package mutating func look(isWaiting: Bool, now: UInt64) -> Line? {
        guard let trouble = self.trouble, let deadline = self.deadline(isWaiting: isWaiting), now >= deadline else {
            return nil
        }
        let time = now &- trouble.since
        if !isWaiting, now >= trouble.lastRefusal &+ Self.quiet {
            self.trouble = nil
            return .over(refusals: trouble.refusals, nanoseconds: time)
        }
        self.trouble?.lastLine = now
        return .goesOn(refusals: trouble.refusals, nanoseconds: time)
    }

    /// When to look again; nil if nothing is to be said.
    package func deadline(isWaiting: Bool) -> UInt64? {
        guard let trouble = self.trouble else { return nil }
        let line = trouble.lastLine &+ Self.interval
        return isWaiting ? line : min(line, trouble.lastRefusal &+ Self.quiet)
    }
}
