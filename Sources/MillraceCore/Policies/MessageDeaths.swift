package import AMQPWire
import MillraceMessages

/// The queues in which a message was made a dead letter, as our own copies note it.
package struct MessageDeaths: Sendable, Equatable {
    private let queues: [String]
    /// Whether the broker held it for a time of its own since: then it does not circle at full speed.
    private let hasExpired: Bool

    /// Nobody needs more to see a circle.
    private static let limit = 16

    /// - Parameter headers: Of a copy of ours; nil for any other message.
    package init(_ headers: FieldTable?) {
        self.queues = (headers?[JobHeaders.diedIn]?.arrayValue ?? []).compactMap(\.stringValue)
        self.hasExpired = BrokerDeath.all(in: headers).contains { $0.reason == "expired" }
    }

    /// Whether a message that dies in this queue has died there before, and came back by its dead-letter target.
    package func isCircle(at queue: String) -> Bool { !self.hasExpired && self.queues.contains(queue) }

    package static func add(_ queue: String, to headers: inout FieldTable) {
        let known = (headers[JobHeaders.diedIn]?.arrayValue ?? []).filter { $0.stringValue != queue }
        headers[JobHeaders.diedIn] = .array(known.suffix(Self.limit - 1) + [.string(queue)])
    }
}
