import AMQPClient

/// A delivery after its handler, for as long as its outputs are on their way.
struct HeldDelivery {
    let record: ContentRecord
    let bytes: UnsafeRawBufferPointer
    /// Keeps `bytes`.
    let owner: AnyObject?
    /// Kept until the broker has accepted them all: they may have to be published again.
    let outputs: [Publication]
}
