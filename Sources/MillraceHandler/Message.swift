import CMillraceABI

// @unchecked Sendable: used on the worker's thread alone; its pointers are valid until the delivery is completed, which
// happens after the handler has returned.
/// One delivery as its handler sees it.
///
/// It can not be copied or kept: its memory is the supervisor's and ends with the handling. Copy out what is needed
/// longer.
public struct Message: ~Copyable, @unchecked Sendable {
    private let message: millrace_message
    private let reader: TokenReader

    init(_ message: millrace_message, _ reader: TokenReader) {
        self.message = message
        self.reader = reader
    }

    /// Octets of the body.
    public var byteCount: Int { self.message.body.length }

    /// One octet of the body; the index is checked.
    public subscript(index: Int) -> UInt8 {
        precondition(
            index >= 0 && index < self.message.body.length,
            "octet \(index) of a body of length \(self.message.body.length)"
        )
        return self.message.body.data[index]
    }

    /// Calls `body` with the octets, which are valid during the call only.
    public func withBody<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: self.message.body.data, count: self.message.body.length))
    }

    /// A copy of the body.
    public var bodyBytes: [UInt8] { self.withBody { [UInt8]($0) } }

    /// The body as text; nil if it is not UTF-8.
    public var bodyText: String? { self.withBody { String(validating: $0, as: UTF8.self) } }

    /// The exchange it was published to; empty for the default exchange.
    public var exchange: String { String(self.message.exchange) }
    /// The key it was published with.
    public var routingKey: String { String(self.message.routing_key) }
    /// Whether the broker gave it out before; a hint only.
    public var redelivered: Bool { self.message.redelivered != 0 }
    /// 1 for the first time, as far as the broker tells.
    public var attempt: Int { Int(self.message.attempt) }

    /// The octets of the exchange's name: nobody holds names to UTF-8, which ``exchange`` shows with `U+FFFD`.
    public var exchangeBytes: [UInt8] { Array(self.message.exchange) }
    /// The octets of the routing key: nobody holds keys to UTF-8, which ``routingKey`` shows with `U+FFFD`.
    public var routingKeyBytes: [UInt8] { Array(self.message.routing_key) }

    /// The octets of a property that is a text; nil if it is not there.
    ///
    /// A publisher may have sent any octets. In a property that is read as a `String` those that are not UTF-8 are
    /// `U+FFFD`.
    public func bytes(of property: TextProperty) -> [UInt8]? { self.reader.property(property.abi).bytes }

    /// The content type, for instance `application/json`.
    public var contentType: String? { self.reader.property(MILLRACE_CONTENT_TYPE).text }
    /// The content encoding, for instance `gzip`.
    public var contentEncoding: String? { self.reader.property(MILLRACE_CONTENT_ENCODING).text }
    /// The publisher's identifier of this message.
    public var messageID: String? { self.reader.property(MILLRACE_MESSAGE_ID).text }
    /// The request this is about.
    public var correlationID: String? { self.reader.property(MILLRACE_CORRELATION_ID).text }
    /// The queue that waits for an answer.
    public var replyTo: String? { self.reader.property(MILLRACE_REPLY_TO).text }
    /// The publisher's name for this kind of message.
    public var type: String? { self.reader.property(MILLRACE_TYPE).text }
    /// The publishing application.
    public var appID: String? { self.reader.property(MILLRACE_APP_ID).text }
    /// The publishing user, checked by the broker.
    public var userID: String? { self.reader.property(MILLRACE_USER_ID).text }
    /// Milliseconds after which the broker drops it, as text.
    public var expiration: String? { self.reader.property(MILLRACE_EXPIRATION).text }
    /// Seconds since 1970, as the publisher set it.
    public var timestamp: Int? { self.reader.property(MILLRACE_TIMESTAMP).integer }
    /// 1 if it may be lost when the broker restarts, 2 if not.
    public var deliveryMode: Int? { self.reader.property(MILLRACE_DELIVERY_MODE).integer }
    /// 0...255.
    public var priority: Int? { self.reader.property(MILLRACE_PRIORITY).integer }

    /// A header of the message; nil if it is not there.
    public func header(_ key: String) -> HeaderValue? { self.reader.header(key) }
    /// A header by the octets of its name, for one that is not UTF-8; nil if it is not there.
    public func header(bytes key: [UInt8]) -> HeaderValue? { self.reader.header(bytes: key) }
    /// All headers in the message's order, each by the octets of its name.
    ///
    /// Nobody holds names to UTF-8, and a publisher may send one twice: both are here. None under a supervisor that is older
    /// than this property.
    public var allHeaders: [(name: [UInt8], value: HeaderValue)] { self.reader.headers }
    /// The same as a value of its own.
    package var headers: MessageHeaders { MessageHeaders(reader: self.reader) }
}

/// A property of a message that is a text.
public enum TextProperty: Sendable {
    /// The content type.
    case contentType
    /// The content encoding.
    case contentEncoding
    /// The publisher's identifier of the message.
    case messageID
    /// The request it is about.
    case correlationID
    /// The queue that waits for an answer.
    case replyTo
    /// The publisher's name for the kind of message.
    case type
    /// The publishing application.
    case appID
    /// The publishing user.
    case userID
    /// Milliseconds after which the broker drops it.
    case expiration

    var abi: millrace_property {
        switch self {
        case .contentType: MILLRACE_CONTENT_TYPE
        case .contentEncoding: MILLRACE_CONTENT_ENCODING
        case .messageID: MILLRACE_MESSAGE_ID
        case .correlationID: MILLRACE_CORRELATION_ID
        case .replyTo: MILLRACE_REPLY_TO
        case .type: MILLRACE_TYPE
        case .appID: MILLRACE_APP_ID
        case .userID: MILLRACE_USER_ID
        case .expiration: MILLRACE_EXPIRATION
        }
    }
}

/// The value of a header.
public enum HeaderValue: Sendable, Equatable {
    /// true or false.
    case bool(Bool)
    /// Any of AMQP's integers.
    case integer(Int)
    /// Any of AMQP's reals.
    case double(Double)
    /// Text.
    case string(String)
    /// Octets, also those of a text that is not UTF-8.
    case bytes([UInt8])
    /// A table or an array, which this version of the ABI does not hand over.
    case other
}

// @unchecked Sendable: used on the worker's thread alone; async handlers stay on it.
/// Reads properties and headers of a delivery in hand through the host.
struct TokenReader: @unchecked Sendable {
    let host: UnsafePointer<millrace_host>
    let token: OpaquePointer

    func property(_ which: millrace_property) -> PropertyValue {
        var value = millrace_value()
        value.size = MemoryLayout<millrace_value>.size
        self.host.pointee.property(self.token, which.rawValue, &value)
        return PropertyValue(value)
    }

    func header(_ key: String) -> HeaderValue? {
        var key = key
        return key.withUTF8 { self.header($0) }
    }

    var headers: [(name: [UInt8], value: HeaderValue)] {
        guard let offset = MemoryLayout<millrace_host>.offset(of: \.headers),
            self.host.pointee.size >= offset + MemoryLayout<UnsafeRawPointer>.size,
            let visitAll = self.host.pointee.headers
        else { return [] }
        var all: [(name: [UInt8], value: HeaderValue)] = []
        withUnsafeMutablePointer(to: &all) { all in
            visitAll(
                self.token,
                { context, key, value in
                    guard let context, let value, let found = TokenReader.value(value.pointee) else { return }
                    context.assumingMemoryBound(to: [(name: [UInt8], value: HeaderValue)].self).pointee
                        .append((Array(key), found))
                },
                all
            )
        }
        return all
    }

    func header(bytes key: [UInt8]) -> HeaderValue? { key.withUnsafeBufferPointer { self.header($0) } }

    private func header(_ key: UnsafeBufferPointer<UInt8>) -> HeaderValue? {
        var value = millrace_value()
        value.size = MemoryLayout<millrace_value>.size
        self.host.pointee.header(self.token, millrace_bytes(data: key.baseAddress, length: key.count), &value)
        return Self.value(value)
    }

    private static func value(_ value: millrace_value) -> HeaderValue? {
        switch value.kind {
        case MILLRACE_NONE.rawValue: return nil
        case MILLRACE_BOOL.rawValue: return .bool(value.integer != 0)
        case MILLRACE_INTEGER.rawValue: return .integer(Int(value.integer))
        case MILLRACE_DOUBLE.rawValue: return .double(value.real)
        case MILLRACE_STRING.rawValue: return .string(String(value.bytes))
        case MILLRACE_BYTES.rawValue: return .bytes(Array(value.bytes))
        default: return .other
        }
    }
}

/// A property as the host gave it: to be looked at before the next call of the host.
struct PropertyValue {
    private let value: millrace_value

    init(_ value: millrace_value) { self.value = value }

    private var isText: Bool {
        self.value.kind == MILLRACE_STRING.rawValue || self.value.kind == MILLRACE_BYTES.rawValue
    }
    /// What is not UTF-8 is replaced.
    var text: String? { self.isText ? String(self.value.bytes) : nil }
    var bytes: [UInt8]? { self.isText ? Array(self.value.bytes) : nil }
    var integer: Int? { self.value.kind == MILLRACE_INTEGER.rawValue ? Int(self.value.integer) : nil }
}

extension Array<UInt8> {
    /// A copy of the ABI's octets.
    fileprivate init(_ bytes: millrace_bytes) {
        self.init(UnsafeBufferPointer(start: bytes.data, count: bytes.length))
    }
}

extension String {
    /// A copy of the ABI's octets; what is not UTF-8 is replaced.
    init(_ bytes: millrace_bytes) {
        self = String(decoding: UnsafeBufferPointer(start: bytes.data, count: bytes.length), as: UTF8.self)
    }

    /// Lends the text to a call of the ABI.
    func withABI<R>(_ body: (millrace_bytes) throws -> R) rethrows -> R {
        var copy = self
        return try copy.withUTF8 { try body(millrace_bytes(data: $0.baseAddress, length: $0.count)) }
    }
}
