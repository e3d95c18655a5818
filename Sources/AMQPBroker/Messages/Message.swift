package import AMQPWire

/// A message as it was published: shared by all queues that hold it, and never changed.
package final class Message: Sendable {
    package let exchange: String
    package let routingKey: String
    /// Exchange and routing key as they stand on the wire, at the end of each method that hands it out.
    let address: [UInt8]
    /// The payload of its header frame, as it came.
    package let header: [UInt8]
    package let body: [UInt8]
    let facts: MessageFacts
    /// Octets of the properties that it was first published with.
    let propertiesSize: Int
    /// How often it had come back to queues that it has died in, as far as this release heeds that.
    let deliveryCount: Int

    init(
        exchange: String,
        routingKey: String,
        header: [UInt8],
        body: [UInt8],
        facts: MessageFacts,
        propertiesSize: Int? = nil,
        deliveryCount: Int = 0
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.address = ShortText.octets(exchange) + ShortText.octets(routingKey)
        self.header = header
        self.body = body
        self.facts = facts
        self.propertiesSize = propertiesSize ?? header.count - 12
        self.deliveryCount = deliveryCount
    }

    /// Its properties, read anew.
    package var properties: BasicProperties {
        self.header.withUnsafeBytes { BasicProperties(salvaging: $0) }
    }

    /// The payload of a header frame with these properties.
    static func header(_ properties: BasicProperties, bodySize: Int) -> [UInt8]? {
        var buffer = WireBuffer()
        do throws(WireError) {
            try ContentHeader(bodySize: UInt64(bodySize), properties: properties).encode(into: &buffer)
        } catch {
            return nil
        }
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }
}

/// What the broker itself has to know of a message's properties.
struct MessageFacts: Sendable, Equatable {
    var priority: UInt8?
    /// Milliseconds.
    var expiration: UInt64?
    private var expirationText: String?
    /// Present in the headers, beside the routing key: `CC` and `BCC`.
    var copies: [String] = []
    /// As it was sent, right or wrong.
    private var deliveryMode: UInt8?
    var userID: String?
    /// Replies are to come to the channel itself.
    var wantsDirectReply = false
    var headers: FieldTable?

    /// Properties without headers, reply-to, expiration and user have their facts in two octets.
    private static let rest: UInt16 = 0x2000 | 0x0200 | 0x0100 | 0x0010

    /// - Throws: The connection ends where the properties can not be read, the channel where they mean nothing.
    init(_ header: [UInt8]) throws(Refusal) {
        let found = header.withUnsafeBytes { Self.quick($0) }
        if let found {
            self.priority = found
            return
        }
        let properties: BasicProperties
        do throws(WireError) {
            properties = try header.withBytes { bytes throws(WireError) in
                var reader = WireReader(bytes)
                try reader.skip(12)
                return try BasicProperties(from: &reader)
            }
        } catch {
            throw .connection(.internalError, "")
        }
        // Tables of unknown types, and a second word of flags, break RabbitMQ's reader (C26, C30).
        let hasMoreFlags = header.count >= 14 && header[13] & 1 != 0
        if hasMoreFlags || properties.headers?.undecoded.isEmpty == false {
            throw .connection(.internalError, "")
        }
        self.priority = properties.priority
        self.userID = properties.userID
        self.deliveryMode = properties.deliveryMode
        self.headers = properties.headers
        self.wantsDirectReply = properties.replyTo == EmbeddedBroker.replyQueue
        self.expirationText = properties.expiration
    }

    /// Checked last, behind the user.
    mutating func readExpiration() throws(Refusal) {
        guard let text = self.expirationText else { return }
        self.expiration = try Self.milliseconds(text)
        self.expirationText = nil
    }

    /// The other keys that the headers name; checked when all else is right.
    ///
    /// - Parameter checksMode: Whether the delivery mode has to be one that there is.
    /// - Throws: What is wrong with it.
    mutating func readCopies(checksMode: Bool) throws(Refusal) {
        if let headers = self.headers { self.copies = try Self.copies(headers) }
        if checksMode, let mode = self.deliveryMode, mode != 1, mode != 2 {
            throw .channel(.preconditionFailed, "invalid message: {delivery_mode_unknown,\(mode)}")
        }
    }

    /// Facts of a message that the broker made itself.
    init(priority: UInt8?, headers: FieldTable?) {
        self.priority = priority
        self.headers = headers
    }

    /// The priority, or that there is none; nil if something else of the properties matters.
    private static func quick(_ bytes: UnsafeRawBufferPointer) -> UInt8?? {
        guard bytes.count >= 14 else { return nil }
        let flags = UInt16(bytes[12]) << 8 | UInt16(bytes[13])
        guard flags & (Self.rest | 1) == 0 else { return nil }
        guard flags & 0x1800 != 0 else { return .some(nil) }
        var position = 14
        for flag: UInt16 in [0x8000, 0x4000] where flags & flag != 0 {
            guard position < bytes.count else { return nil }
            position += 1 + Int(bytes[position])
        }
        if flags & 0x1000 != 0 {
            guard position < bytes.count, bytes[position] == 1 || bytes[position] == 2 else { return nil }
            position += 1
        }
        guard flags & 0x0800 != 0 else { return .some(nil) }
        return position < bytes.count ? .some(bytes[position]) : nil
    }

    private static func copies(_ headers: FieldTable) throws(Refusal) -> [String] {
        var copies: [String] = []
        for name in ["CC", "BCC"] {
            guard let value = headers[name] else { continue }
            guard let array = value.arrayValue else {
                throw .channel(
                    .preconditionFailed,
                    "invalid message: {unacceptable_type_in_header,\"\(name)\",\(ArgumentText.type(value))}"
                )
            }
            copies.append(contentsOf: array.compactMap(\.stringValue))
        }
        return copies
    }

    /// Ten years.
    private static let longest: Int64 = 315_360_000_000

    private static func milliseconds(_ text: String) throws(Refusal) -> UInt64 {
        func invalid(_ why: String) -> Refusal {
            .channel(.preconditionFailed, "invalid expiration '\(text)': \(why)")
        }
        let sign = text.hasPrefix("-") || text.hasPrefix("+") ? 1 : 0
        let digits = text.dropFirst(sign).prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty else { throw invalid("no_integer") }
        let rest = text.dropFirst(sign + digits.count)
        guard rest.isEmpty else { throw invalid("{leftover_string,\"\(rest)\"}") }
        let number = Int64(text) ?? .max
        guard number >= 0 else { throw invalid("{value_negative,\(text)}") }
        guard number <= Self.longest else { throw invalid("{value_too_large,\(text)}") }
        return UInt64(number)
    }
}
