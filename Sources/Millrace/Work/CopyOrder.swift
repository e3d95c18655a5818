import AMQPWire

/// A delivered message, in pieces, to be copied.
struct Original {
    let deliveryTag: UInt64
    /// The one it was consumed from, to which a copy comes back.
    let queue: String
    /// As it was delivered; octets, since nobody holds names and keys to UTF-8.
    let exchange: [UInt8]
    let routingKey: [UInt8]
    /// With which key it was first published: a copy came through its delay queue, by the name of the job's queue.
    let firstKey: [UInt8]
    let properties: BasicProperties
    let body: [UInt8]
    /// Where it was a dead letter before.
    let deaths: MessageDeaths
}

/// What a copy is for.
struct CopyOrder: Equatable {
    enum Target: Equatable {
        case delay(Wait)
        case deadLetter
    }
    let target: Target
    /// What the original counts as once the broker has the copy.
    let settlement: Settlement
    /// The attempt that its header counts; nil leaves it as it is.
    let attempt: Int?
    /// What failed, for its headers; nil if nothing did.
    let note: FailureNote?
}
