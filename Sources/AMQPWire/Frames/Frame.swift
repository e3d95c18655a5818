/// The constants of the frame layer: type (1 octet), channel (2), size (4), payload, end (1).
///
/// AMQP 0-9-1 §4.2.3.
public enum Frame {
    /// The type of a frame that carries a method.
    @inlinable public static var method: UInt8 { 1 }
    /// The type of a frame that carries a content header.
    @inlinable public static var header: UInt8 { 2 }
    /// The type of a frame that carries a part of a content body.
    @inlinable public static var body: UInt8 { 3 }
    /// The type of a heartbeat.
    @inlinable public static var heartbeat: UInt8 { 8 }
    /// The last octet of every frame.
    @inlinable public static var end: UInt8 { 0xCE }
    /// Octets in front of the payload.
    @inlinable public static var headerSize: Int { 7 }
    /// Octets of a frame that are not payload.
    ///
    /// The frame-max two peers agree on includes them (C19).
    @inlinable public static var overhead: Int { 8 }
    /// The smallest frame-max the specification lets a peer ask for, and the limit until `connection.tune-ok` (C10).
    @inlinable public static var minSize: Int { 4096 }
    /// The smallest frame-max RabbitMQ 4.1 and later accepts: never propose less (C9).
    @inlinable public static var rabbitMQMinSize: Int { 8192 }
    /// What a client sends first: `AMQP`, 0, and the protocol version 0-9-1 (C1).
    public static let protocolHeader: [UInt8] = [0x41, 0x4D, 0x51, 0x50, 0, 0, 9, 1]
}
