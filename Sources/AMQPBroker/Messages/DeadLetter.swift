import AMQPWire

/// A message that has left a queue for its dead-letter exchange.
struct DeadLetter: Sendable {
    let message: Message
    let queue: String
    let vhost: Int
    let exchange: String
    /// Instead of the keys that it was published with.
    let routingKey: String?
    let death: Death
    /// How often it had come back, this death included.
    let deliveryCount: Int
    /// Seconds since 1970.
    let time: UInt64

    private static let last = "x-last-death"

    /// The message as it is published to that exchange, with the account of this death in front of earlier ones.
    func published(_ profile: Profile) -> Message {
        var properties = self.message.properties
        var headers = properties.headers ?? [:]
        var info: FieldTable = [
            "reason": .string(self.death.rawValue), "queue": .string(self.queue), "time": .timestamp(self.time),
            "exchange": .string(self.message.exchange), "routing-keys": .array(self.keys(headers)),
        ]
        if let expiration = properties.expiration {
            let entry = FieldTable.Entry(key: "original-expiration", value: .string(expiration))
            info.entries.insert(entry, at: profile.tellsLastDeath ? 0 : info.entries.count)
        }
        self.record(info, in: &headers, profile)
        if profile.tellsLastDeath {
            headers["\(Self.last)-exchange"] = .string(self.message.exchange)
            headers["\(Self.last)-queue"] = .string(self.queue)
            headers["\(Self.last)-reason"] = .string(self.death.rawValue)
        }
        if self.routingKey != nil { headers["CC"] = nil }
        headers.sortByName()
        properties.headers = headers
        properties.expiration = nil
        var facts = MessageFacts(priority: self.message.facts.priority, headers: headers)
        facts.copies = self.routingKey == nil ? self.message.facts.copies : []
        return Message(
            exchange: self.exchange,
            routingKey: self.routingKey ?? self.message.routingKey,
            header: Message.header(properties, bodySize: self.message.body.count) ?? self.message.header,
            body: self.message.body,
            facts: facts,
            propertiesSize: self.message.propertiesSize,
            deliveryCount: self.deliveryCount
        )
    }

    private func keys(_ headers: FieldTable) -> [FieldValue] {
        let copies = (headers["CC"]?.arrayValue ?? []).filter { $0.stringValue != nil }
        return [.string(self.message.routingKey)] + copies
    }

    private func record(_ info: FieldTable, in headers: inout FieldTable, _ profile: Profile) {
        guard var deaths = headers["x-death"]?.arrayValue else {
            // For 3.10 an account that somebody made up is one.
            if profile.tellsLastDeath || headers["x-death"] == nil {
                headers["x-first-death-reason"] = .string(self.death.rawValue)
                headers["x-first-death-queue"] = .string(self.queue)
                headers["x-first-death-exchange"] = .string(self.message.exchange)
            }
            return headers["x-death"] = .array([.table(Self.counted(info))])
        }
        var entry = Self.counted(info)
        if let index = deaths.firstIndex(where: { self.isSame($0.tableValue) }) {
            entry = deaths.remove(at: index).tableValue ?? entry
            entry["count"] = .int64((entry["count"]?.intValue ?? 0) + 1)
        }
        entry.sortByName()
        headers["x-death"] = .array([.table(entry)] + deaths)
    }

    /// The count is first, or behind an expiration that is.
    private static func counted(_ info: FieldTable) -> FieldTable {
        var info = info
        let place = info.entries.first?.key == "original-expiration" ? 1 : 0
        info.entries.insert(FieldTable.Entry(key: "count", value: 1), at: place)
        return info
    }

    private func isSame(_ table: FieldTable?) -> Bool {
        table?["queue"]?.stringValue == self.queue && table?["reason"]?.stringValue == self.death.rawValue
    }

    /// Whether it has been in that queue before, and nobody has rejected it since.
    static func isCycle(_ message: Message, to queue: String) -> Bool {
        let deaths = message.facts.headers?["x-death"]?.arrayValue ?? []
        guard let index = deaths.firstIndex(where: { $0.tableValue?["queue"]?.stringValue == queue }) else {
            return false
        }
        return deaths[...index].allSatisfy { $0.tableValue?["reason"]?.stringValue != Death.rejected.rawValue }
    }
}
