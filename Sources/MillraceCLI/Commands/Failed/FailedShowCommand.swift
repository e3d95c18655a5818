import AMQPClient
import AMQPWire
import ArgumentParser
import Millrace

struct FailedShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one message: its failure, properties, headers and body."
    )

    @OptionGroup var arguments: FailedArguments

    @Argument(help: "The message, by its id or its index, as `list` shows them; an id wins.")
    var id: String

    @Option(help: "Octets of the body to show at most.")
    var maxBody = 4096

    @Option(help: "Look at this many messages at most.")
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit takes a number from 1") }
        if self.maxBody < 0 { throw ValidationError("--max-body takes a number from 0") }
    }

    func run() throws {
        try self.arguments.open { box, _ in
            let pick = SinglePick(self.id)
            var found: FailedMessage?
            try box.look(atMost: self.limit ?? .max) { message in
                switch pick.match(id: message.id, place: message.place) {
                case .exact:
                    found = message
                    return false
                case .byPlace: found = message
                case .none: break
                }
                return true
            }
            try box.putBack()  // before anything is printed: whoever reads may take their time
            if let found { return try StandardOutput.write(self.text(of: found)) }
            StandardError.write("not in '\(box.queue)': \(self.id)")
            box.noteOthers()
            throw ExitCode(1)
        }
    }

    private func text(of message: FailedMessage) -> [String] {
        var lines: [String] = []
        func line(_ name: String, _ value: String?) {
            if let value { lines.append(PlainText.line("\(name): \(value)")) }
        }
        line("id", message.id)
        line("failure", message.failure)
        line("error", message.error)
        line("attempts", message.attempts.map(String.init))
        line("failed", message.failedAt.map { "\($0) (\(Age.text(since: $0)))" })
        line("place", message.errorPlace)
        line("queue", message.queue)
        line("dead-letter exchange", message.exchange)
        line("dead-letter routing key", message.routingKey)
        let properties = message.properties
        line("message-id", properties.messageID)
        line("content-type", properties.contentType)
        line("content-encoding", properties.contentEncoding)
        line("delivery-mode", properties.deliveryMode.map { "\($0)" })
        line("priority", properties.priority.map { "\($0)" })
        line("correlation-id", properties.correlationID)
        line("reply-to", properties.replyTo)
        line("expiration", properties.expiration)
        line("timestamp", properties.timestamp.map { "\($0)" })
        line("type", properties.type)
        line("user-id", properties.userID)
        line("app-id", properties.appID)
        line("cluster-id", properties.clusterID)
        if properties.isCutShort { lines.append("octets are missing in its properties") }
        for entry in properties.headers?.entries ?? [] { line("header \(entry.key)", "\(entry.value)") }
        let body = message.body
        lines.append("body, \(Plural.of(body.count, "octet")):")
        lines.append(BodyText.text(body.prefix(self.maxBody)))
        if body.count > self.maxBody {
            lines.append("(\(Plural.of(body.count - self.maxBody, "octet")) more; see --max-body)")
        }
        return lines
    }
}
