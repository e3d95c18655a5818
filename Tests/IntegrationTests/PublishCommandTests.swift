import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// `millrace publish` as a user runs it.
@Suite(.ownThread, .enabled(if: Tool.isBuilt, "needs a release build; ops/test makes one"), .timeLimit(.minutes(5)))
struct PublishCommandTests {
    private static func publish(
        _ words: [String],
        to endpoint: Endpoint? = nil,
        octets: [UInt8] = []
    ) throws -> Tool.Result {
        let uri = endpoint.map { "amqp://127.0.0.1:\($0.port)" } ?? Broker.uri ?? ""
        return try Tool.run(Tool.millrace, ["publish", "--uri", uri] + words, octets: octets)
    }

    private func withQueue(_ body: (Channel, String) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        let queue = Broker.unique("publish")
        _ = try channel.declareQueue(queue, arguments: ["x-max-priority": 9])
        try body(channel, queue)
        try connection.openChannel().deleteQueue(queue)
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `lines and bodies arrive as the octets that were read`() throws {
        try self.withQueue { channel, queue in
            let input: [UInt8] = [0xFF, 0xC3, 13, 10, 10, 0, 10, 0xE2, 0x80, 0xA8]
            let lines = try Self.publish(["--routing-key", queue, "--lines"], octets: input)
            #expect(lines.status == 0, "\(lines.errors)")
            #expect(lines.output == "published 4 messages\n")
            for expected in [[0xFF, 0xC3, 13], [], [0], [0xE2, 0x80, 0xA8]] as [[UInt8]] {
                #expect(try channel.get(queue, noAck: true)?.body == expected)
            }
            #expect(try Self.publish(["--routing-key", queue], octets: input).status == 0)
            #expect(try channel.get(queue, noAck: true)?.body == input)
            let script = #"exec "$0" publish --uri "$1" --routing-key "$2" --body "$(printf 'a\377')""#
            let odd = try Tool.run("/bin/sh", ["-c", script, Tool.millrace, Broker.uri ?? "", queue])
            #expect(odd.status == 64)
            #expect(odd.errors.contains("argument 7 is not UTF-8"))
            #expect(try channel.get(queue) == nil)
        }
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `headers and properties arrive`() throws {
        try self.withQueue { channel, queue in
            let result = try Self.publish([
                "--routing-key", queue, "--body", "x", "--header", "tenant=a", "--header", "size:int=5", "--priority",
                "3", "--expiration", "600000", "--message-id", "m", "--content-type", "text/plain", "--transient",
            ])
            #expect(result.status == 0, "\(result.errors)")
            let properties = try #require(try channel.get(queue, noAck: true)).properties
            #expect(properties.headers?["tenant"] == "a")
            #expect(properties.headers?["size"] == 5)
            #expect(properties.priority == 3)
            #expect(properties.expiration == "600000")
            #expect(properties.messageID == "m")
            #expect(properties.contentType == "text/plain")
            #expect(properties.deliveryMode == 1)
            #expect(try Self.publish(["--routing-key", queue, "--body", "x", "--header", "tenant"]).status == 64)
            #expect(try Self.publish(["--routing-key", queue, "--body", "x", "--priority", "300"]).status == 64)
            let lost = try Self.publish(["--routing-key", queue + ".not", "--body", "x"])
            #expect(lost.errors.contains("0 of 1 messages"))
            #expect(try Tool.run(Tool.millrace, ["publish", "--uri", "nonsense", "--routing-key", "x"]).status == 64)
        }
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `input that can not be read is status 74`() throws {
        for redirection in ["</", "<&-"] {
            let script = "exec \"$0\" publish --uri \"$1\" --routing-key x --lines \(redirection)"
            let result = try Tool.run("/bin/sh", ["-c", script, Tool.millrace, Broker.uri ?? ""])
            #expect(result.status == 74)
            #expect(result.errors.hasPrefix("standard input can not be read: "))
            #expect(result.errors.hasSuffix("0 of 0 messages were confirmed\n"))
        }
    }

    /// Until the command is ready to publish.
    private static func prepare(_ peer: ScriptedPeer) throws {
        try peer.handshake()
        try peer.openChannels(1)
        try peer.expect(ConfirmSelect.self, on: 1)
        try peer.send(ConfirmSelectOk(), on: 1)
    }

    @Test func `an alarm is named when it comes, and a wait that is too long says how many went out`() throws {
        let result = try PeerListener.run { peer in
            try Self.prepare(peer)
            for tag in 1...3 as ClosedRange<UInt64> {
                _ = try peer.expectPublish(on: 1)
                if tag < 3 { try peer.send(BasicAck(deliveryTag: tag, multiple: false), on: 1) }
            }
            try peer.send(ConnectionBlocked(reason: "low on \u{1b}[2Jdisk"), on: 0)
            try peer.finish()
        } client: { endpoint in
            let words = ["--routing-key", "q", "--lines", "--timeout", "1"]
            return try Self.publish(words, to: endpoint, octets: Array("a\nb\nc".utf8))
        }
        #expect(result.status == 69)
        #expect(result.output == "")
        #expect(result.errors.contains(#"the broker holds publishers back: low on \u{1b}[2Jdisk; waiting for it"#))
        #expect(result.errors.contains("no answer for 1s\n2 of 3 messages were confirmed; 1 has no answer"))
        #expect(result.errors.hasSuffix("the broker holds publishers back: low on \\u{1b}[2Jdisk\n"))
    }

    @Test func `a connection that is lost, and a refusal, say how many went out`() throws {
        let lost = try PeerListener.run { peer in
            try Self.prepare(peer)
            for _ in 0..<3 { _ = try peer.expectPublish(on: 1) }
            try peer.send(BasicAck(deliveryTag: 2, multiple: true), on: 1)
        } client: { endpoint in
            try Self.publish(["--routing-key", "q", "--lines"], to: endpoint, octets: Array("a\nb\nc\n".utf8))
        }
        #expect(lost.status == 69)
        #expect(lost.errors.hasSuffix("2 of 3 messages were confirmed; 1 has no answer and may have arrived\n"))
        let refused = try PeerListener.run { peer in
            try Self.prepare(peer)
            for _ in 0..<2 { _ = try peer.expectPublish(on: 1) }
            try peer.send(BasicAck(deliveryTag: 1, multiple: false), on: 1)
            try peer.send(BasicNack(deliveryTag: 2, multiple: false, requeue: false), on: 1)
            try peer.finish()
        } client: { endpoint in
            try Self.publish(["--routing-key", "q", "--lines"], to: endpoint, octets: Array("a\nb\n".utf8))
        }
        #expect(refused.status == 1)
        #expect(refused.errors.hasSuffix("1 of 2 messages was confirmed; 1 was refused or came back\n"))
    }

    @Test func `what was read is settled while it waits for more, and a signal says how many went out`() throws {
        let folder = try Scratch()
        let pipe = folder.path + "/input"
        let errors = folder.path + "/errors"
        mkfifo(pipe, 0o600)
        let input = open(pipe, O_RDWR)  // so that it never ends
        defer { close(input) }
        let line = Array("a\nb\nhalf a li".utf8)
        #expect(write(input, line, line.count) == line.count)
        let confirmed = Latch()
        let status = try PeerListener.run { peer in
            try Self.prepare(peer)
            for _ in 0..<2 { _ = try peer.expectPublish(on: 1) }
            try peer.send(BasicAck(deliveryTag: 2, multiple: true), on: 1)
            confirmed.open()
            try peer.finish()
        } client: { endpoint in
            let child = try Child(
                Tool.millrace,
                ["publish", "--uri", "amqp://127.0.0.1:\(endpoint.port)", "--routing-key", "q", "--lines"],
                environment: [:],
                folder: folder.path,
                input: pipe,
                output: folder.path + "/output",
                errors: errors
            )
            #expect(confirmed.wait())
            child.send(SIGTERM)
            return child.waitForExit()
        }
        #expect(status == 143)
        let said = try String(contentsOfFile: errors, encoding: .utf8)
        #expect(said == "stopped by SIGTERM\n2 of 2 messages were confirmed\n")
    }
}
