import AMQPCore
import AMQPWire

/// A queue of a ``RecordedTopology``, under the name it has at the moment.
///
/// Thread-safe.
public final class RecordedQueue: Sendable {
    /// As recorded; empty if the broker makes the name.
    public let requestedName: String
    private let durable: Bool
    private let exclusive: Bool
    private let autoDelete: Bool
    private let arguments: FieldTable
    private let current: Monitor<String?>

    init(_ name: String, durable: Bool, exclusive: Bool, autoDelete: Bool, arguments: FieldTable) {
        self.requestedName = name
        self.durable = durable
        self.exclusive = exclusive
        self.autoDelete = autoDelete
        self.arguments = arguments
        self.current = Monitor(name.isEmpty ? nil : name)
    }

    /// The name on the broker; nil before a server-named queue was declared for the first time.
    ///
    /// A server-named queue has another name on each connection (C60).
    public var name: String? { self.current.withLock { $0 } }

    var label: String { "queue '\(self.name ?? "(named by the broker)")'" }

    /// Declares it on a channel.
    ///
    /// Two consumers that miss the same server-named queue may both get here: the second one's queue is
    /// deleted again, so that both use the first one's.
    ///
    /// - Returns: The name to use.
    /// - Throws: 403, 405 or 406; the channel ends with each.
    func declare(on channel: Channel) throws(AMQPError) -> String {
        let before = self.name
        let status = try channel.declareQueue(
            self.requestedName,
            durable: self.durable,
            exclusive: self.exclusive,
            autoDelete: self.autoDelete,
            arguments: self.arguments
        )
        let name = self.current.withLock { current in
            if current == before { current = status.name }
            return current ?? status.name
        }
        if name != status.name { try channel.deleteQueue(status.name) }
        return name
    }
}
