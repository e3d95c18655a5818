import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// What strangers wrote reaches neither the terminal nor a line of its own, whatever command shows it.
@Suite(.ownThread, .enabled(if: Tool.isBuilt, "needs a release build; ops/test makes one"))
struct HostileTextTests {
    private static let hostile = "x\u{1B}[2J\u{7}\r\nforged: line\u{9B}\u{202E}\u{2028}y"
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    /// Nothing hidden but the ends of lines, and none of them begun by the hostile text.
    private func isHarmless(_ text: String) -> Bool {
        let hidden = text.unicodeScalars.filter { PlainText.isHidden($0) && $0 != "\n" }
        return hidden.isEmpty && !text.split(separator: "\n").contains { $0.hasPrefix("forged") }
    }

    private func jobFile(uri: String = "amqp://127.0.0.1:1", queue: String = "q", more: String = "") -> String {
        """
        version: 1
        connection: { uri: "\(uri)" }
        plugins: ["\(Tool.plugin)"]
        queues:
          \(queue): { dead_letter: { routing_key: \(queue).dead } }
          \(queue).dead: {}
        jobs:
          "w\u{202E}\u{2066}\u{200B}ork": { queue: \(queue), handler: examples.order, with: { routing_key: x } }
        \(more)
        """
    }

    @Test func `arguments`() throws {
        let file = try self.folder.write("jobs.yaml", self.jobFile())
        let commands = [
            [Self.hostile], ["--\(Self.hostile)"], ["-\(Self.hostile)"], ["run", file, "--table=\(Self.hostile)"],
            ["run", file, "--log-level", Self.hostile], ["check", self.folder.path + "/\(Self.hostile)"],
            ["failed", "list", Self.hostile, "--file", file],
            ["failed", "list", "w\u{202E}\u{2066}\u{200B}ork", "--file", file, "--queue", Self.hostile],
            ["publish", "--uri", "amqp://\(Self.hostile)", "--routing-key", "x"],
            ["publish", "--uri", "\(Self.hostile)://h", "--routing-key", "x"],
        ]
        for arguments in commands {
            let result = try Tool.run(Tool.millrace, arguments)
            #expect(result.status != 0)
            #expect(!result.errors.isEmpty, "\(arguments)")
            #expect(self.isHarmless(result.errors + result.output), "\(arguments): \(result.errors)")
        }
    }

    @Test func `what a job file says, in every format`() throws {
        let file = try self.folder.write("jobs.yaml", self.jobFile())
        let good = try Tool.run(Tool.millrace, ["check", file])
        #expect(good.status == 0, "\(good.errors)")
        #expect(self.isHarmless(good.output))
        #expect(good.output.contains("w\\u{202e}\\u{2066}\\u{200b}ork"), "\(good.output)")
        let wrong = try self.folder.write("wrong.yaml", self.jobFile(more: "  \"\\e[2J\\n\\u202E\": { thread: 1 }\n"))
        let bad = try Tool.run(Tool.millrace, ["check", wrong])
        #expect(bad.status == 78)
        #expect(self.isHarmless(bad.errors), "\(bad.errors)")
        for format in ["human", "json"] {
            let result = try Tool.run(Tool.millrace, ["run", file, "--once", "--log-format", format])
            #expect(result.status != 0)
            #expect(self.isHarmless(result.errors), "\(result.errors)")
        }
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
    func `what a message says: its id, its headers, its body`() throws {
        let uri = try #require(Broker.uri)
        let queue = Broker.unique("hostile")
        let file = try self.folder.write("jobs.yaml", self.jobFile(uri: uri, queue: queue))
        #expect(try Tool.run(Tool.millrace, ["declare", file]).status == 0)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.messageID = Self.hostile
        properties.headers = ["millrace-error": .string(Self.hostile), Self.hostile: .string(Self.hostile)]
        let body = Array("overwritten\rby what follows\r\n".utf8)
        try channel.publish(body, routingKey: queue + ".dead", properties: properties)
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let job = "w\u{202E}\u{2066}\u{200B}ork"
        for words in [["list", job], ["show", job, "1"], ["show", job, "2"], ["remove", job, "\u{1B}"]] {
            let result = try Tool.run(Tool.millrace, ["failed"] + words + ["--file", file])
            #expect(self.isHarmless(result.output + result.errors), "\(words): \(result.output)\(result.errors)")
        }
        let json = try Tool.run(Tool.millrace, ["failed", "list", job, "--json", "--file", file]).output
        #expect(self.isHarmless(json), "\(json)")
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        #expect(object?["id"] as? String == Self.hostile)
        _ = try channel.deleteQueue(queue)
        _ = try channel.deleteQueue(queue + ".dead")
    }
}
