import CMillraceABI

/// A message to publish.
public struct Publication: Sendable, Equatable {
    /// The octets to carry.
    public var body: [UInt8]
    /// Empty for the default exchange, which routes to the queue named by the key.
    public var exchange: String
    /// At most 255 octets.
    public var routingKey: String
    /// For instance `application/json`.
    public var contentType: String?
    /// An identifier of this message.
    public var messageID: String?
    /// The request this is about.
    public var correlationID: String?
    /// The queue that waits for an answer.
    public var replyTo: String?
    /// A name for this kind of message.
    public var type: String?
    /// Whether it may be lost when the broker restarts.
    public var isTransient = false
    /// 0...255; 0 is not set.
    public var priority: UInt8 = 0
    /// More headers; a value of `.other` is left out.
    public var headers: [String: HeaderValue] = [:]

    /// A persistent message.
    public init(_ body: [UInt8], exchange: String = "", routingKey: String) {
        self.body = body
        self.exchange = exchange
        self.routingKey = routingKey
    }

    /// Lends the whole message to a call of the ABI.
    func withABI<R>(_ call: (UnsafePointer<millrace_publication>) -> R) -> R {
        // One block of memory for all strings, so that nothing has to be nested.
        var storage: [UInt8] = []
        var ranges: [Range<Int>] = []
        func store(_ octets: some Collection<UInt8>) {
            ranges.append(storage.count..<storage.count + octets.count)
            storage.append(contentsOf: octets)
        }
        for text in [
            self.exchange, self.routingKey, self.contentType ?? "", self.messageID ?? "", self.correlationID ?? "",
            self.replyTo ?? "", self.type ?? "",
        ] { store(text.utf8) }
        let sent = self.headers.filter { $0.value != .other }.sorted { $0.key < $1.key }
        for (key, value) in sent {
            store(key.utf8)
            switch value {
            case .string(let text): store(text.utf8)
            case .bytes(let bytes): store(bytes)
            case .bool, .integer, .double, .other: store([])
            }
        }
        return storage.withUnsafeBufferPointer { storage in
            func part(_ index: Int) -> millrace_bytes {
                let range = ranges[index]
                return millrace_bytes(data: storage.baseAddress.map { $0 + range.lowerBound }, length: range.count)
            }
            let headers = sent.enumerated().map { index, header in
                Self.header(header.value, key: part(7 + index * 2), bytes: part(8 + index * 2))
            }
            return self.body.withUnsafeBufferPointer { body in
                headers.withUnsafeBufferPointer { headers in
                    var publication = millrace_publication(
                        size: MemoryLayout<millrace_publication>.size,
                        exchange: part(0),
                        routing_key: part(1),
                        body: millrace_bytes(data: body.baseAddress, length: body.count),
                        content_type: part(2),
                        message_id: part(3),
                        correlation_id: part(4),
                        reply_to: part(5),
                        type: part(6),
                        transient: self.isTransient ? 1 : 0,
                        priority: self.priority,
                        headers: headers.baseAddress,
                        header_count: headers.count
                    )
                    return call(&publication)
                }
            }
        }
    }

    private static func header(_ value: HeaderValue, key: millrace_bytes, bytes: millrace_bytes) -> millrace_header {
        var header = millrace_header()
        header.key = key
        switch value {
        case .bool(let flag):
            header.kind = MILLRACE_BOOL.rawValue
            header.integer = flag ? 1 : 0
        case .integer(let number):
            header.kind = MILLRACE_INTEGER.rawValue
            header.integer = Int64(number)
        case .double(let real):
            header.kind = MILLRACE_DOUBLE.rawValue
            header.real = real
        case .string:
            header.kind = MILLRACE_STRING.rawValue
            header.bytes = bytes
        case .bytes:
            header.kind = MILLRACE_BYTES.rawValue
            header.bytes = bytes
        case .other: header.kind = MILLRACE_NONE.rawValue
        }
        return header
    }
}
