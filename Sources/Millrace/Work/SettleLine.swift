import AMQPClient

/// What ``Settler`` needs of the channel that deliveries came on: a ``Channel``, or a test's stand-in.
///
/// Each gives whether the delivery was still to be settled: after the end of its channel none is (C54).
protocol SettleLine: AnyObject {
    func ack(tag: UInt64) -> Bool
    func reject(tag: UInt64, requeue: Bool) -> Bool
    func nack(tag: UInt64, requeue: Bool) -> Bool
    /// - Returns: How many of them were still to be settled.
    func giveBack(tags: [UInt64]) -> Int
}

extension Channel: SettleLine {}
