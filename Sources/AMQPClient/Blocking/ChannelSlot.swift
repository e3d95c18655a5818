import AMQPWire

/// What the outbox knows of one channel number, under its lock.
struct ChannelSlot {
    var life = ChannelLife()
    var rpc = RPCSlot()
    /// Counts every opening of any channel on the connection's process; 0 is none.
    var incarnation: UInt64 = 0
    /// The broker asked for a pause of contents (C65).
    var flowPaused = false
    /// A publisher waits for room.
    var wantsWritable = false
    var lane: Lane?
    /// Why the last life ended, for a caller that comes later.
    var endReason: AMQPError?
    /// Where our channel.close lies, once it is queued.
    var close: QueuedFrame?
}

/// Where a frame lies in what is pending.
struct QueuedFrame {
    /// Which buffer: each has its number (``Outbox/State/bufferNumber``).
    let buffer: UInt64
    var octets: Range<Int>
}

/// A channel whose close crossed the broker's, and until when its close-ok may come.
struct CrossedClose {
    let number: UInt16
    let incarnation: UInt64
    let deadline: UInt64
}
