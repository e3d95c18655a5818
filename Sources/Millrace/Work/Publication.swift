import AMQPWire

/// A message that a handler wants to have published once it has succeeded.
struct Publication {
    /// Octets, as a handler gave them.
    let exchange: [UInt8]
    let routingKey: [UInt8]
    let properties: BasicProperties
    let body: [UInt8]
}
