import CMillraceABI
public import MillraceHandler

/// A message that a test makes, with all that a broker could deliver.
///
///     TestMessage("Ada")
///     TestMessage(body: [0xFF], headers: ["tenant": .string("blue")], attempt: 3)
///     try TestMessage(json: order)
public struct TestMessage: Sendable, Equatable {
    /// The octets to handle.
    public var body: [UInt8]
    /// The exchange it was published to; empty for the default exchange.
    public var exchange: String
    /// The key it was published with.
    public var routingKey: String
    /// 1 for the first time.
    public var attempt: Int
    /// Whether the broker gave it out before.
    public var redelivered: Bool
    /// Its headers; `.other` stands for a table or an array, which handlers can not read.
    public var headers: [String: HeaderValue]

    /// The content type, for instance `application/json`.
    public var contentType: String?
    /// The content encoding, for instance `gzip`.
    public var contentEncoding: String?
    /// The publisher's identifier of this message.
    public var messageID: String?
    /// The request this is about.
    public var correlationID: String?
    /// The queue that waits for an answer.
    public var replyTo: String?
    /// The publisher's name for this kind of message.
    public var type: String?
    /// The publishing application.
    public var appID: String?
    /// The publishing user.
    public var userID: String?
    /// Milliseconds after which the broker drops it, as text.
    public var expiration: String?
    /// Seconds since 1970.
    public var timestamp: Int?
    /// 1 if it may be lost when the broker restarts, 2 if not.
    public var deliveryMode: UInt8?
    /// 0...255.
    public var priority: UInt8?

    /// A message of octets; its properties are set one by one.
    public init(
        body: [UInt8],
        headers: [String: HeaderValue] = [:],
        exchange: String = "",
        routingKey: String = "",
        attempt: Int = 1,
        redelivered: Bool = false
    ) {
        self.body = body
        self.headers = headers
        self.exchange = exchange
        self.routingKey = routingKey
        self.attempt = attempt
        self.redelivered = redelivered
    }

    /// A message of text; see ``init(body:headers:exchange:routingKey:attempt:redelivered:)``.
    public init(
        body: String,
        headers: [String: HeaderValue] = [:],
        exchange: String = "",
        routingKey: String = "",
        attempt: Int = 1,
        redelivered: Bool = false
    ) {
        self.init(
            body: Array(body.utf8),
            headers: headers,
            exchange: exchange,
            routingKey: routingKey,
            attempt: attempt,
            redelivered: redelivered
        )
    }

    /// A message of text and nothing else.
    public init(_ text: String) { self.init(body: text) }

    /// A message that carries a value as JSON, with the content type `application/json`.
    ///
    /// - Throws: `EncodingError`, and what the value itself throws.
    public init(json value: some Encodable, headers: [String: HeaderValue] = [:]) throws {
        let encoded = try Publication(json: value, routingKey: "")
        self.init(body: encoded.body, headers: headers)
        self.contentType = encoded.contentType
    }

    /// What a queue would deliver of an output: for the test of the handler that comes next.
    public init(_ output: Publication) {
        self.init(
            body: output.body,
            headers: output.headers.filter { $0.value != .other },
            exchange: output.exchange,
            routingKey: output.routingKey
        )
        self.contentType = output.contentType
        self.messageID = output.messageID
        self.correlationID = output.correlationID
        self.replyTo = output.replyTo
        self.type = output.type
        self.deliveryMode = output.isTransient ? 1 : 2
        self.priority = output.priority == 0 ? nil : output.priority
    }
}

extension TestMessage: ExpressibleByStringInterpolation {
    /// A message of text and nothing else.
    public init(stringLiteral text: String) { self.init(text) }
}

extension TestMessage {
    /// Why no broker could deliver it; nil if one could.
    var flaw: String? {
        let texts = [
            ("exchange", self.exchange), ("routing key", self.routingKey), ("content type", self.contentType),
            ("content encoding", self.contentEncoding), ("message id", self.messageID),
            ("correlation id", self.correlationID), ("reply-to", self.replyTo), ("type", self.type),
            ("app id", self.appID), ("user id", self.userID), ("expiration", self.expiration),
        ]
        for (name, text) in texts {
            if let count = text?.utf8.count, count > 255 {
                return "its \(name) has \(count) octets, and 255 is the most"
            }
        }
        for key in self.headers.keys.sorted() where key.utf8.count > 255 {
            return "the name of a header has \(key.utf8.count) octets, and 255 is the most"
        }
        return UInt32(exactly: self.attempt).map { $0 > 0 } == true ? nil : "attempt \(self.attempt) is not 1 or more"
    }

    /// A property by its number in the plugin interface; nil if it is not set.
    func property(_ which: UInt32) -> HeaderValue? {
        switch millrace_property(which) {
        case MILLRACE_CONTENT_TYPE: self.contentType.map(HeaderValue.string)
        case MILLRACE_CONTENT_ENCODING: self.contentEncoding.map(HeaderValue.string)
        case MILLRACE_DELIVERY_MODE: self.deliveryMode.map { .integer(Int($0)) }
        case MILLRACE_PRIORITY: self.priority.map { .integer(Int($0)) }
        case MILLRACE_CORRELATION_ID: self.correlationID.map(HeaderValue.string)
        case MILLRACE_REPLY_TO: self.replyTo.map(HeaderValue.string)
        case MILLRACE_EXPIRATION: self.expiration.map(HeaderValue.string)
        case MILLRACE_MESSAGE_ID: self.messageID.map(HeaderValue.string)
        case MILLRACE_TIMESTAMP: self.timestamp.map(HeaderValue.integer)
        case MILLRACE_TYPE: self.type.map(HeaderValue.string)
        case MILLRACE_USER_ID: self.userID.map(HeaderValue.string)
        case MILLRACE_APP_ID: self.appID.map(HeaderValue.string)
        default: nil
        }
    }
}
