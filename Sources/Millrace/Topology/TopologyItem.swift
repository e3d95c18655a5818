import AMQPClient

/// One thing that a job file wants to be on the broker.
public enum TopologyItem: Hashable, Sendable, CustomStringConvertible {
    /// An exchange of this name.
    case exchange(String)
    /// A queue of this name: of the file, of a job, or where dead letters go.
    case queue(String)
    /// A binding of one exchange to another.
    ///
    /// `number` counts the bindings of its destination, from 0.
    case exchangeBinding(of: String, to: String, key: String, number: Int)
    /// A binding of a queue to an exchange.
    ///
    /// `number` counts the bindings of its queue, from 0.
    case queueBinding(of: String, to: String, key: String, number: Int)

    /// As a log line names it; never a character that a terminal obeys.
    public var description: String {
        switch self {
        case .exchange(let name): PlainText.line("exchange '\(name)'")
        case .queue(let name): PlainText.line("queue '\(name)'")
        case .exchangeBinding(let name, let source, let key, _):
            PlainText.line("binding of exchange '\(name)' to '\(source)'\(Self.suffix(key))")
        case .queueBinding(let name, let source, let key, _):
            PlainText.line("binding of queue '\(name)' to '\(source)'\(Self.suffix(key))")
        }
    }

    private static func suffix(_ key: String) -> String { key.isEmpty ? "" : " with key '\(key)'" }

    /// The queue that it is, or binds.
    package var queue: String? {
        switch self {
        case .queue(let name), .queueBinding(let name, _, _, _): name
        case .exchange, .exchangeBinding: nil
        }
    }
}
