/// Time in which the process stood still: SIGSTOP, a debugger, a frozen container.
///
/// Nobody ran, so nobody ran too long. A value; times are nanoseconds of the monotonic clock, which goes on meanwhile. A thread that only waits tells it when it
/// wanted to be woken, and when it was.
package struct StoppedTime: Sendable {
    /// A busy machine may be late by so much.
    package static let tolerance: UInt64 = 500_000_000
    private static let limit = 64

    private var stops: [(end: UInt64, length: UInt64)] = []
    /// All of it since the start.
    package private(set) var total: UInt64 = 0

    package init() {}

    /// A wait that was to end at `wake` at the latest has ended.
    package mutating func waited(until wake: UInt64, now: UInt64) {
        guard now > wake, now - wake > Self.tolerance else { return }
        self.total += now - wake
        self.stops.append((now, now - wake))
        if self.stops.count > Self.limit { self.stops.removeFirst() }
    }

    /// How long something ran that began then and runs still.
    package func ran(since began: UInt64, now: UInt64) -> UInt64 {
        guard now > began else { return 0 }
        var time = now - began
        for stop in self.stops.reversed() where stop.end > began {
            time -= min(time, min(stop.length, stop.end - began))
        }
        return time
    }
}
