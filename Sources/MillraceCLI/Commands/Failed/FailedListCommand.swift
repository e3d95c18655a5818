import ArgumentParser
import Glibc
import Millrace

struct FailedListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Show what there is, oldest first.")

    @OptionGroup var arguments: FailedArguments

    @Option(help: "Show this many at most.")
    var limit = 100

    @Flag(help: "One JSON object per line: id, failure, error, attempts, failed_at (s), place, queue, bytes.")
    var json = false

    func validate() throws {
        if self.limit < 1 { throw ValidationError("--limit takes a number from 1") }
    }

    func run() throws {
        try self.arguments.open { box in
            let count = try box.count()
            let messages = try box.take(min(self.limit, count))
            for message in messages { print(self.json ? Self.json(message) : Self.line(message)) }
            try box.putBack()
            if !self.json { print("\(messages.count) of \(count) in '\(box.queue)'") }
        }
    }

    private static func line(_ message: FailedMessage) -> String {
        let error = (message.error ?? "no reason given").split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        let attempts = message.attempts.map { "\($0) attempts" } ?? "-"
        let age = message.failedAt.map { Age.text(since: $0) } ?? "-"
        return "\(message.id)  \(message.failure ?? "-")  \(attempts)  \(age)  \(error.prefix(100))"
    }

    private static func json(_ message: FailedMessage) -> String {
        func text(_ value: String?) -> OptionValue { value.map(OptionValue.string) ?? .null }
        return OptionValue.object([
            .init(key: "id", value: .string(message.id)),
            .init(key: "failure", value: text(message.failure)),
            .init(key: "error", value: text(message.error)),
            .init(key: "attempts", value: message.attempts.map { .int(Int64($0)) } ?? .null),
            .init(key: "failed_at", value: message.failedAt.map { .int(Int64(clamping: $0)) } ?? .null),
            .init(key: "place", value: text(message.place)),
            .init(key: "queue", value: text(message.queue)),
            .init(key: "bytes", value: .int(Int64(message.bodyByteCount))),
        ]).json
    }
}

/// How long ago something was, for people.
enum Age {
    static func text(since seconds: UInt64) -> String {
        let now = UInt64(clamping: time(nil))
        let age = now > seconds ? now - seconds : 0
        switch age {
        case ..<120: return "\(age) s ago"
        case ..<7200: return "\(age / 60) min ago"
        case ..<172_800: return "\(age / 3600) h ago"
        default: return "\(age / 86_400) d ago"
        }
    }
}
