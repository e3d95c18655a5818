import AMQPWire
import ArgumentParser
import Glibc

/// The properties that messages are published with (AMQP 0-9-1 §1.8).
struct PropertyOptions: ParsableArguments {
    @Option(
        name: .customLong("header"),
        help: ArgumentHelp(
            "A header; may repeat. NAME:TYPE=VALUE for one that is no text: int, double, bool, timestamp (s), void.",
            valueName: "name=value"
        ),
        transform: HeaderOption.parse
    )
    var headers: [HeaderOption] = []

    @Option(help: "The messages' content type.")
    var contentType: String?

    @Option(help: "How the bodies are packed, such as gzip; they are sent as they are.")
    var contentEncoding: String?

    @Option(help: "0 to 255; queues with x-max-priority give out higher ones first.")
    var priority: UInt8?

    @Option(help: "After so many milliseconds in a queue the message expires.")
    var expiration: String?

    @Option(help: "The messages' id, the same for all.")
    var messageId: String?

    @Option(help: "What an answer belongs to.")
    var correlationId: String?

    @Option(help: "The queue for answers.")
    var replyTo: String?

    @Option(help: "Seconds since 1970, or now.", transform: PropertyOptions.seconds)
    var timestamp: UInt64?

    @Option(help: "The messages' type.")
    var type: String?

    @Option(help: "The user; RabbitMQ takes only the one that is logged in.")
    var userId: String?

    @Option(help: "The application.")
    var appId: String?

    @Flag(help: "Let a restart of the broker lose the messages (delivery-mode 1).")
    var transient = false

    func validate() throws {
        let texts = [
            ("content-type", self.contentType), ("content-encoding", self.contentEncoding),
            ("expiration", self.expiration), ("message-id", self.messageId), ("correlation-id", self.correlationId),
            ("reply-to", self.replyTo), ("type", self.type), ("user-id", self.userId), ("app-id", self.appId),
        ]
        for (name, text) in texts where (text ?? "").utf8.count > 255 {
            throw ValidationError("--\(name) takes at most 255 octets")
        }
        if let text = self.expiration, text.isEmpty || !text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            throw ValidationError("--expiration takes milliseconds, a whole number")
        }
    }

    private static func seconds(_ text: String) throws -> UInt64 {
        if text == "now" { return UInt64(max(0, time(nil))) }
        guard let seconds = UInt64(text) else { throw ValidationError("write seconds since 1970, or now") }
        return seconds
    }

    var properties: BasicProperties {
        var properties = BasicProperties()
        if !self.headers.isEmpty {
            var table = FieldTable()
            for header in self.headers { table[header.name] = header.value }
            properties.headers = table
        }
        properties.contentType = self.contentType
        properties.contentEncoding = self.contentEncoding
        properties.deliveryMode = self.transient ? 1 : 2
        properties.priority = self.priority
        properties.correlationID = self.correlationId
        properties.replyTo = self.replyTo
        properties.expiration = self.expiration
        properties.messageID = self.messageId
        properties.timestamp = self.timestamp
        properties.type = self.type
        properties.userID = self.userId
        properties.appID = self.appId
        return properties
    }
}

/// `NAME=VALUE`, or `NAME:TYPE=VALUE`.
struct HeaderOption: Equatable {
    let name: String
    let value: FieldValue

    static func parse(_ text: String) throws -> HeaderOption {
        guard let equals = text.firstIndex(of: "=") else { throw ValidationError("write NAME=VALUE") }
        let value = String(text[text.index(after: equals)...])
        var name = text[..<equals]
        var type = "string"
        // A colon may belong to the name: only a word that is a type makes it one.
        if let colon = name.lastIndex(of: ":") {
            let word = String(name[name.index(after: colon)...])
            if Self.types.contains(word) {
                type = word
                name = name[..<colon]
            }
        }
        guard (1...255).contains(name.utf8.count) else { throw ValidationError("a header's name has 1 to 255 octets") }
        guard let field = Self.field(value, type) else { throw ValidationError("'\(value)' is no \(type)") }
        return HeaderOption(name: String(name), value: field)
    }

    private static let types: Set = ["string", "int", "double", "bool", "timestamp", "void"]

    private static func field(_ text: String, _ type: String) -> FieldValue? {
        switch type {
        case "int": Int64(text).map(FieldValue.int64)
        case "double": Double(text).map(FieldValue.double)
        case "bool": Bool(text).map(FieldValue.bool)
        case "timestamp": UInt64(text).map(FieldValue.timestamp)
        case "void": text.isEmpty ? .void : nil
        default: .string(text)
        }
    }
}
