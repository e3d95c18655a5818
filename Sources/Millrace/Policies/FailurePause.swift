/// Slows a worker down that gives the same failing messages back again and again, so that a poison message is no
/// hot loop: 10 ms after the first failure in a row, doubling up to a second.
package struct FailurePause: Sendable, Equatable {
    private var failures = 0

    package init() {}

    /// Nanoseconds to wait before the next delivery; 0 after anything but a requeued failure.
    package mutating func settled(_ settlement: Settlement) -> UInt64 {
        guard settlement == .rejectRequeue else {
            self.failures = 0
            return 0
        }
        defer { self.failures += 1 }
        return min(10_000_000 << UInt64(min(self.failures, 7)), 1_000_000_000)
    }
}
