import Synchronization

/// The oldest delivery that a worker has in hand, and whether its overrun has been reported.
///
/// Its worker writes it with one store; whoever reports first, the worker or the supervisor, claims it.
struct OverrunMark: ~Copyable, Sendable {
    private static let reported: UInt64 = 1 << 63  // no channel counts that far
    private let value = Atomic<UInt64>(0)

    /// The delivery tag, which stays when the delivery ends; 0 before the first delivery.
    var tag: UInt64 { self.value.load(ordering: .acquiring) & ~Self.reported }

    /// To be called after the time of its begin is stored: who sees this tag sees that time, or a later one.
    @inline(__always)
    func set(_ tag: UInt64, isReported: Bool = false) {
        self.value.store(isReported ? tag | Self.reported : tag, ordering: .releasing)
    }

    /// Whether the caller is the one who reports it.
    func claim(_ tag: UInt64) -> Bool {
        self.value.compareExchange(expected: tag, desired: tag | Self.reported, ordering: .relaxed).exchanged
    }
}
