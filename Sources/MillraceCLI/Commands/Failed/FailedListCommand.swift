import AMQPClient
import AMQPWire
import ArgumentParser
import Millrace

struct FailedListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Show what there is, oldest first.")

    @OptionGroup var arguments: FailedArguments

    @Option(help: "Show this many at most.")
    var limit = 100

    @Flag(help: "One JSON object per line: index, id, failure, error, attempts, failed_at (s), place, queue, bytes.")
    var json = false

    func validate() throws {
        if self.limit < 1 { throw ValidationError("--limit takes a number from 1") }
    }

    func run() throws {
        try self.arguments.open { box, _ in
            var lines: [String] = []
            try box.look(atMost: self.limit) { message in
                lines.append(PlainText.line(self.json ? Self.json(message) : Self.line(message)))
                return true
            }
            try box.putBack()  // before anything is printed: whoever reads may take their time
            if !self.json { lines.append(PlainText.line("\(lines.count) of \(box.total) in '\(box.queue)'")) }
            try StandardOutput.write(lines)
            box.noteOthers()
        }
    }

    private static func line(_ message: FailedMessage) -> String {
        [
            "\(message.place)", PlainText.line(message.id), PlainText.line(message.failure ?? "-", limit: 20),
            message.attempts.map { Plural.of($0, "attempt") } ?? "-",
            message.failedAt.map { Age.text(since: $0) } ?? "-",
            PlainText.line(message.error ?? "no reason given", limit: 100),
        ].joined(separator: "  ")
    }

    private static func json(_ message: FailedMessage) -> String {
        func text(_ value: String?) -> OptionValue { value.map(OptionValue.string) ?? .null }
        return OptionValue.object([
            .init(key: "index", value: .int(Int64(message.place))),
            .init(key: "id", value: .string(message.id)),
            .init(key: "failure", value: text(message.failure)),
            .init(key: "error", value: text(message.error)),
            .init(key: "attempts", value: message.attempts.map { .int(Int64($0)) } ?? .null),
            .init(key: "failed_at", value: message.failedAt.map { .int(Int64(clamping: $0)) } ?? .null),
            .init(key: "place", value: text(message.errorPlace)),
            .init(key: "queue", value: text(message.queue)),
            .init(key: "bytes", value: .int(Int64(message.bodyByteCount))),
        ]).json
    }
}
