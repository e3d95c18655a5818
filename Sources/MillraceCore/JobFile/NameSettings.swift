/// The `names` block: what the queues and exchanges of one environment are called on the broker.
///
/// A file that was read holds the broker's names everywhere; what is here is for what handlers publish, who use the file's.
public struct NameSettings: Sendable, Equatable {
    /// What the names of the file's queues and exchanges begin with; at most 40 bytes.
    public var prefix: String
    /// Queues and exchanges that keep their names: those that several environments share.
    public var except: [String]
    /// The file's own words for its queues.
    package var queues: Set<String> = []
    /// The file's own words for its exchanges.
    package var exchanges: Set<String> = []

    /// A schedule's name of 200 bytes, as the end of its clock queue's, still fits into 255.
    package static let longestPrefix = 40

    /// Makes the settings in code; nothing is checked, and nothing in a ``JobFile`` that is made in code is renamed.
    public init(prefix: String, except: [String] = []) {
        self.prefix = prefix
        self.except = except
    }

    /// What the broker calls a queue or an exchange of the file; the default exchange and `amq.…` are the broker's own.
    package func onBroker(_ name: String) -> String {
        guard !name.isEmpty, !name.hasPrefix("amq."), !self.except.contains(name) else { return name }
        return self.prefix + name
    }
}
