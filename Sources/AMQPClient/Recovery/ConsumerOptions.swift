import AMQPCore
public import AMQPWire

/// How a ``RecoveringConsumer`` consumes.
public struct ConsumerOptions: Sendable {
    /// Deliveries that may be out, unsettled: 1...65,535; 0 means no limit.
    public var prefetch: UInt16
    /// How many acks may wait to become one frame; 1 sends a frame for each.
    public var ackBatch: Int
    /// Deliveries are settled as they are sent: what is in flight when a connection ends is lost (C58).
    public var noAck: Bool
    /// No other consumer on the queue.
    public var exclusive: Bool
    /// For instance `x-priority`.
    public var arguments: FieldTable

    /// The defaults: acks, one frame each, at most 100 deliveries out.
    public init(
        prefetch: UInt16 = 100,
        ackBatch: Int = 1,
        noAck: Bool = false,
        exclusive: Bool = false,
        arguments: FieldTable = FieldTable()
    ) {
        self.prefetch = prefetch
        self.ackBatch = ackBatch
        self.noAck = noAck
        self.exclusive = exclusive
        self.arguments = arguments
    }
}
