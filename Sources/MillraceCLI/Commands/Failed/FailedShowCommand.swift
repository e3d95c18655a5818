import AMQPWire
import ArgumentParser
import Millrace

struct FailedShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one message: its failure, properties, headers and body."
    )

    @OptionGroup var arguments: FailedArguments

    @Argument(help: "The message, as `list` names it.")
    var id: String

    @Option(help: "Octets of the body to show at most.")
    var maxBody = 4096

    @Option(help: "Look at this many messages at most.")
    var limit = 10_000

    func run() throws {
        try self.arguments.open { box in
            let found = try box.take(min(self.limit, box.count())).first { $0.id == self.id }
            if let found { self.show(found) }
            try box.putBack()
            guard found == nil else { return }
            StandardError.write("not in '\(box.queue)': \(self.id)")
            throw ExitCode(1)
        }
    }

    private func show(_ message: FailedMessage) {
        func line(_ name: String, _ value: String?) {
            if let value { print("\(name): \(value)") }
        }
        line("id", message.id)
        line("failure", message.failure)
        line("error", message.error)
        line("attempts", message.attempts.map(String.init))
        line("failed", message.failedAt.map { "\($0) (\(Age.text(since: $0)))" })
        line("place", message.place)
        line("queue", message.queue)
        let properties = message.properties
        line("content-type", properties.contentType)
        line("content-encoding", properties.contentEncoding)
        line("delivery-mode", properties.deliveryMode.map { "\($0)" })
        line("priority", properties.priority.map { "\($0)" })
        line("correlation-id", properties.correlationID)
        line("reply-to", properties.replyTo)
        line("timestamp", properties.timestamp.map { "\($0)" })
        line("type", properties.type)
        line("app-id", properties.appID)
        for entry in properties.headers?.entries ?? [] { line("header \(entry.key)", "\(entry.value)") }
        let body = message.body
        print("body, \(body.count) octets:")
        print(Self.text(body.prefix(max(0, self.maxBody))))
        if body.count > self.maxBody { print("(\(body.count - self.maxBody) octets more; see --max-body)") }
    }

    /// The text if it is one, else hexadecimal, 16 octets a line.
    private static func text(_ body: ArraySlice<UInt8>) -> String {
        // A cut may have split the last character: up to three octets of it are no reason for hexadecimal.
        for cut in 0...3 where body.count >= cut {
            if let text = String(validating: body.dropLast(cut), as: UTF8.self) { return text }
        }
        var lines: [String] = []
        var rest = body
        while !rest.isEmpty {
            let line = rest.prefix(16)
            lines.append(line.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " "))
            rest = rest.dropFirst(16)
        }
        return lines.joined(separator: "\n")
    }
}
