/// What a service manager is to be told (sd_notify(3)): the states of a run as lines, each when it begins.
///
/// A value; times are nanoseconds of the monotonic clock.
package struct ServiceNotes: Sendable {
    /// Between two signs of life; nil is none.
    private let watchdog: UInt64?
    private var isReady = false
    private var isStopping = false
    private var nextSign: UInt64 = 0
    private var lastStatus = ""

    /// - Parameter watchdogMicroseconds: WATCHDOG_USEC, if the manager asks for signs of life.
    package init(watchdogMicroseconds: UInt64? = nil) {
        // Twice as often as it has to be.
        self.watchdog = watchdogMicroseconds.map { $0 * 1000 / 2 }
    }

    /// What is to be told now.
    ///
    /// - Parameters:
    ///   - hasStarted: Whether the first connection is up and its jobs have begun to start.
    ///   - isStopping: Whether it drains.
    ///   - status: One line for people.
    ///   - now: The time.
    /// - Returns: Lines; none if the manager knows it all.
    package mutating func look(hasStarted: Bool, isStopping: Bool, status: String, now: UInt64) -> [String] {
        var lines: [String] = []
        if hasStarted, !self.isReady {
            self.isReady = true
            lines.append("READY=1")
        }
        if isStopping, !self.isStopping {
            self.isStopping = true
            lines.append("STOPPING=1")
        }
        if status != self.lastStatus {
            self.lastStatus = status
            lines.append("STATUS=\(status)")
        }
        if let watchdog, now >= self.nextSign {
            self.nextSign = now &+ watchdog
            lines.append("WATCHDOG=1")
        }
        return lines
    }

    /// A reload begins, and ends.
    ///
    /// - Parameter microseconds: Of the monotonic clock, as the manager's own.
    /// - Returns: Lines.
    package static func reloading(microseconds: UInt64) -> [String] {
        ["RELOADING=1", "MONOTONIC_USEC=\(microseconds)"]
    }
    package static let reloaded = ["READY=1"]
}
