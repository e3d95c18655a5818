/// Lets a suspect run alone on its worker: the thread that crashes then has nothing else in hand.
///
/// A value without I/O; times are nanoseconds of the monotonic clock. Nobody but this worker waits.
package struct Seclusion: Equatable, Sendable {
    private var inHand = 0
    /// Since when a suspect waits for the others on this worker.
    private var wantedSince: UInt64?
    /// Until when nothing is begun beside a suspect that runs.
    private var aloneUntil: UInt64?

    package init() {}

    /// For so long, after the first death, a worker waits for a suspect: one that never ends must not cost the worker.
    package static let longestWait: UInt64 = 600_000_000_000
    /// How long to wait before asking again.
    package static let pause: UInt64 = 5_000_000

    /// Whether a delivery may begin.
    ///
    /// - Parameters:
    ///   - deaths: Of a suspect; nil for any other message.
    ///   - now: The time, read only if it counts.
    /// - Returns: False if it has to ask again.
    package mutating func mayBegin(deaths: UInt32?, now: @autoclosure () -> UInt64) -> Bool {
        if let aloneUntil, now() < aloneUntil { return false }
        guard let deaths, self.inHand > 0 else { return true }
        let time = now()
        let since = self.wantedSince ?? time
        self.wantedSince = since
        return time > since &+ Patience.of(Self.longestWait, deaths: deaths)
    }

    /// A delivery begins; ``ended(wasSuspect:)`` has to follow.
    package mutating func begin(deaths: UInt32?, now: @autoclosure () -> UInt64) {
        self.inHand += 1
        guard let deaths else { return }
        self.wantedSince = nil
        self.aloneUntil = now() &+ Patience.of(Self.longestWait, deaths: deaths)
    }

    package mutating func ended(wasSuspect: Bool) {
        self.inHand -= 1
        if wasSuspect { self.aloneUntil = nil }
    }

    /// Whoever waited has lost its delivery.
    package mutating func channelEnded() { self.wantedSince = nil }
}
