import Synchronization

/// How many deliveries one worker has begun, told at once: its handler may run for hours.
final class ReceivedCount: Sendable {
    private let count = Atomic<Int>(0)

    /// By its worker's thread alone.
    @inline(__always)
    func add(_ more: Int = 1) { self.count.store(self.count.load(ordering: .relaxed) + more, ordering: .relaxed) }

    var value: Int { self.count.load(ordering: .relaxed) }
}
