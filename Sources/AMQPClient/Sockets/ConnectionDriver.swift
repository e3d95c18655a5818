import AMQPCore
import AMQPWire
import NIOCore

/// What moves a connection's octets and keeps its time.
///
/// From any thread.
protocol ConnectionDriver: AnyObject, Sendable {
    /// Where an idle thread may wait for the socket; nil if that is nobody's but the driver's.
    var seat: (any ReadingSeat)? { get }
    /// Closes by our own wish and returns at once (C13, C44).
    func close(code: ReplyCode, text: String, timeout: Duration)
    /// Gives the broker a new secret for this connection (C66); the promise gets its answer.
    func updateSecret(_ update: ConnectionUpdateSecret, _ promise: EventLoopPromise<Void>)
}
