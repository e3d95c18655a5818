import AMQPBroker
import AMQPWire
import MillraceHandler
import MillraceTesting
import MillraceMessages

extension TestMessage {
    /// As they stand in a header frame.
    var wireProperties: BasicProperties {
        var properties = BasicProperties()
        var headers = FieldTable(
            self.headers.sorted { $0.key < $1.key }.compactMap { key, value in
                FieldValue(value).map { FieldTable.Entry(key: key, value: $0) }
            }
        )
        properties.userID = self.userID
        if self.attempt > 1 {
            // As a copy of the supervisor's own, whose word is believed by its user.
            headers[JobHeaders.attempt] = .int64(Int64(self.attempt))
            properties.userID = "guest"
        }
        if !headers.isEmpty { properties.headers = headers }
        properties.contentType = self.contentType
        properties.contentEncoding = self.contentEncoding
        properties.messageID = self.messageID
        properties.correlationID = self.correlationID
        properties.replyTo = self.replyTo
        properties.type = self.type
        properties.appID = self.appID
        properties.expiration = self.expiration
        properties.timestamp = self.timestamp.map { UInt64(clamping: $0) }
        properties.deliveryMode = self.deliveryMode
        properties.priority = self.priority
        return properties
    }

    /// What lies in a queue.
    init(entry: QueueEntry) {
        let properties = entry.message.properties
        var headers: [String: HeaderValue] = [:]
        for header in properties.headers?.entries ?? [] where headers[header.key] == nil {
            headers[header.key] = HeaderValue(header.value)
        }
        self.init(
            body: entry.message.body,
            headers: headers,
            exchange: entry.message.exchange,
            routingKey: entry.message.routingKey,
            attempt: properties.headers?[JobHeaders.attempt]?.intValue.map { Int($0) } ?? 1,
            redelivered: entry.isRedelivered
        )
        self.contentType = properties.contentType
        self.contentEncoding = properties.contentEncoding
        self.messageID = properties.messageID
        self.correlationID = properties.correlationID
        self.replyTo = properties.replyTo
        self.type = properties.type
        self.appID = properties.appID
        self.userID = properties.userID
        self.expiration = properties.expiration
        self.timestamp = properties.timestamp.map { Int(clamping: $0) }
        self.deliveryMode = properties.deliveryMode
        self.priority = properties.priority
    }
}

extension FieldValue {
    /// Nil for what handlers can not read.
    init?(_ value: HeaderValue) {
        switch value {
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = .int64(Int64(number))
        case .double(let number): self = .double(number)
        case .string(let text): self = .string(text)
        case .bytes(let octets): self = .bytes(octets)
        case .other: return nil
        }
    }
}

extension HeaderValue {
    init(_ value: FieldValue) {
        switch value {
        case .bool(let flag): self = .bool(flag)
        case .float(let number): self = .double(Double(number))
        case .double(let number): self = .double(number)
        case .string(let text): self = .string(text)
        case .nonUTF8String(let octets), .bytes(let octets): self = .bytes(octets)
        case .timestamp(let seconds): self = .integer(Int(clamping: seconds))
        default: self = value.intValue.map { HeaderValue.integer(Int($0)) } ?? .other
        }
    }
}
