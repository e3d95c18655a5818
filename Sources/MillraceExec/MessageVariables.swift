import MillraceHandler

/// What a program is told of its message besides the body: variables, each `NAME=VALUE` and a NUL.
///
/// What no variable can carry is left out, and `MILLRACE_OMITTED` names it.
struct MessageVariables: Sendable {
    /// Octets of one variable: Linux takes twice as many.
    static let longest = 64 * 1024
    /// Octets of all of them.
    static let most = 256 * 1024
    /// Octets of the list of what is left out.
    private static let longestList = 4096

    private(set) var entries: [[UInt8]] = []
    private var names: Set<String> = []
    private var octets = 0
    private var omitted: [String] = []

    init(_ message: borrowing Message, job: String, queue: String) {
        self.add("JOB", job)
        self.add("QUEUE", queue)
        self.add("ATTEMPT", "\(message.attempt)")
        self.add("REDELIVERED", message.redelivered ? "1" : "0")
        self.add("BODY_BYTES", "\(message.byteCount)")
        self.add("EXCHANGE", message.exchangeBytes)
        self.add("ROUTING_KEY", message.routingKeyBytes)
        for (name, property) in Self.texts { self.add(name, message.bytes(of: property)) }
        for (name, number) in [
            ("TIMESTAMP", message.timestamp), ("DELIVERY_MODE", message.deliveryMode), ("PRIORITY", message.priority),
        ] { self.add(name, number.map { "\($0)" }) }
        for (name, value) in message.allHeaders { self.add(header: name, value) }
        self.finish()
    }

    private static let texts: [(String, TextProperty)] = [
        ("CONTENT_TYPE", .contentType), ("CONTENT_ENCODING", .contentEncoding), ("MESSAGE_ID", .messageID),
        ("CORRELATION_ID", .correlationID), ("REPLY_TO", .replyTo), ("TYPE", .type), ("APP_ID", .appID),
        ("USER_ID", .userID), ("EXPIRATION", .expiration),
    ]

    private mutating func add(header key: [UInt8], _ value: HeaderValue) {
        let name = "HEADER_" + Self.name(key)
        switch value {
        case .bool(let flag): self.add(name, flag ? "true" : "false")
        case .integer(let number): self.add(name, "\(number)")
        case .double(let number): self.add(name, "\(number)")
        case .string(let text): self.add(name, text)
        case .bytes(let octets): self.add(name, octets)
        case .other: self.omit(name)
        }
    }

    /// Capital letters and digits; every other octet is an underscore.
    static func name(_ octets: [UInt8]) -> String {
        let legal = octets.map { octet -> UInt8 in
            switch octet {
            case 0x30...0x39, 0x41...0x5A: octet
            case 0x61...0x7A: octet - 0x20
            default: 0x5F
            }
        }
        return String(decoding: legal, as: UTF8.self)
    }

    private mutating func add(_ name: String, _ text: String?) { self.add(name, text.map { Array($0.utf8) }) }

    private mutating func add(_ name: String, _ value: [UInt8]?) {
        guard let value else { return }
        // Of two headers whose names become one the first counts.
        guard !self.names.contains(name) else { return }
        let entry = Array("MILLRACE_\(name)=".utf8) + value + [0]
        guard !value.contains(0), entry.count <= Self.longest, self.octets + entry.count <= Self.most else {
            return self.omit(name)
        }
        self.names.insert(name)
        self.octets += entry.count
        self.entries.append(entry)
    }

    private mutating func omit(_ name: String) { self.omitted.append("MILLRACE_\(name)") }

    private mutating func finish() {
        if self.omitted.isEmpty { return }
        var list = ""
        for name in self.omitted {
            if list.utf8.count + name.utf8.count > Self.longestList {
                list += ",..."
                break
            }
            list += (list.isEmpty ? "" : ",") + name
        }
        self.entries.append(Array("MILLRACE_OMITTED=\(list)".utf8) + [0])
    }
}
