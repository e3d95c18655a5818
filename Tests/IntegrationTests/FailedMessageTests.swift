import AMQPClient
import AMQPWire
import Foundation
import Millrace
import NIOPosix
import TestSupport
import Testing

/// `millrace failed` and what is under it.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct FailedMessageTests {
    private let input = Broker.unique("failed")
    private var dead: String { self.input + ".dead" }

    private var text: String {
        """
        version: 1
        connection: { uri: "\(Broker.uri ?? "amqp://127.0.0.1:1")" }
        plugins: [ "\(Tool.plugin)" ]
        queues: { \(self.input): { dead_letter: { routing_key: \(self.dead) } } }
        jobs:
          work: { queue: \(self.input), handler: examples.order, with: { routing_key: x } }

        """
    }

    private func file() throws -> JobFile {
        try JobFile.parse(bytes: Array(self.text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func box(on channel: Channel) throws -> FailedMessageBox {
        let file = try self.file()
        return try FailedMessageBox(of: #require(file.jobs.first), in: file, on: channel)
    }

    private static func letter(_ number: Int, id: String? = nil) -> BasicProperties {
        var properties = BasicProperties()
        properties.messageID = id
        properties.contentType = "text/plain"
        properties.headers = [
            "millrace-attempt": .int64(5), "millrace-failure": "exhausted",
            "millrace-error": .string("error \(number)"),
            "millrace-error-time": .timestamp(1_700_000_000), "millrace-queue": "orders", "millrace-job": "work",
            "millrace-error-place": "examples.order on host", "millrace-exchange": "shop",
            "millrace-routing-key": "new",
            "x-death": .array([]), "kept": "yes",
        ]
        return properties
    }

    /// Queues with some dead letters in them.
    private func withLetters(_ count: Int, _ body: (Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(self.dead)
        _ = try channel.declareQueue(
            self.input,
            arguments: ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(self.dead)]
        )
        try channel.selectConfirms()
        for number in 0..<count {
            try channel.publish(
                Array("body \(number)".utf8),
                routingKey: self.dead,
                properties: Self.letter(number, id: number == 0 ? nil : "m\(number)")
            )
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        try body(connection.openChannel())
        try channel.deleteQueue(self.input)
        try channel.deleteQueue(self.dead)
    }

    @Test func `looking changes nothing: all are there afterwards, in their order`() throws {
        try self.withLetters(5) { channel in
            let box = try self.box(on: channel)
            for _ in 0..<2 {
                let letters = try box.take(10)
                #expect(letters.map(\.error) == (0..<5).map { "error \($0)" })
                #expect(letters[0].id.hasPrefix("~"))
                #expect(letters[1].id == "m1")
                #expect(letters[1].attempts == 5)
                #expect(letters[1].failedAt == 1_700_000_000)
                #expect(letters[1].queue == "orders")
                #expect(try box.count() == 0)
                try box.putBack()
                #expect(try box.count() == 5)
            }
        }
    }

    @Test func `a replay is a new message of its job, with where it was first published and nothing of its failure`()
        throws
    {
        try self.withLetters(3) { channel in
            let box = try self.box(on: channel)
            let letters = try box.take(3)
            let done = try box.replay(Array(letters[1...]))
            #expect(done.sent == 2)
            #expect(done.refused.isEmpty)
            try box.putBack()
            #expect(try box.count() == 1)
            let again = try #require(try channel.get(self.input, noAck: true))
            #expect(again.body == Array("body 1".utf8))
            #expect(try again.properties.messageID == "m1")
            #expect(
                try again.properties.headers?.entries.filter { $0.key != "millrace-seq" }.map(\.key).sorted()
                    == ["kept", "millrace-exchange", "millrace-routing-key"]
            )
        }
    }

    @Test func `a copy that the job's queue refuses leaves the dead letter where it is`() throws {
        try self.withLetters(2) { channel in
            try channel.deleteQueue(self.input)
            _ = try channel.declareQueue(self.input, arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
            let box = try self.box(on: channel)
            let done = try box.replay(box.take(2))
            #expect(done.sent == 1)
            #expect(done.refused.count == 1)
            #expect(done.refused.first?.reason.contains("full") == true)
            try channel.deleteQueue(self.input)
            try box.putBack()
            let missing = try box.replay(box.take(2))
            #expect(missing.sent == 0)
            #expect(missing.refused.first?.reason.contains("no queue") == true)
            try box.putBack()
            #expect(try box.count() == 1)
            _ = try channel.declareQueue(self.input)
        }
    }

    @Test func `the dead letter is acked after the confirm of its copy, not before`() throws {
        try PeerListener.run { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(ConfirmSelect.self, on: 1)
            try peer.send(ConfirmSelectOk(), on: 1)
            try peer.expect(QueueDeclare.self, on: 1)
            try peer.send(QueueDeclareOk(queue: "d", messageCount: 1, consumerCount: 0), on: 1)
            try peer.expect(BasicGet.self, on: 1)
            let got = BasicGetOk(deliveryTag: 1, redelivered: false, exchange: "", routingKey: "d", messageCount: 0)
            try peer.sendContent(got, [7], on: 1)
            #expect(try peer.expectPublish(on: 1).body == [7])
            #expect(try !peer.comesSomething(within: .milliseconds(300)))
            try peer.send(BasicAck(deliveryTag: 1, multiple: false), on: 1)
            #expect(try peer.expect(BasicAck.self, on: 1).deliveryTag == 1)
            try peer.expect(QueueDeclare.self, on: 1)
            try peer.send(QueueDeclareOk(queue: "d", messageCount: 0, consumerCount: 0), on: 1)
            try peer.finish()
        } client: { endpoint in
            let connection = try Connection.connect(to: endpoint, on: MultiThreadedEventLoopGroup.singleton)
            defer { connection.close() }
            let box = try self.box(on: connection.openChannel())
            #expect(try box.replay(box.take(1)).sent == 1)
        }
    }

    @Test func `the queue itself says how many there are, and giving back ends when they are there again`() throws {
        try PeerListener.run { peer in
            func declared(_ ready: UInt32) throws {
                #expect(try peer.expect(QueueDeclare.self, on: 1).passive)
                try peer.send(QueueDeclareOk(queue: "d", messageCount: ready, consumerCount: 0), on: 1)
            }
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(ConfirmSelect.self, on: 1)
            try peer.send(ConfirmSelectOk(), on: 1)
            // A look at the queue overtakes what others have just given back.
            try declared(0)
            try peer.expect(BasicGet.self, on: 1)
            try peer.send(BasicGetEmpty(), on: 1)
            try declared(1)
            try peer.expect(BasicGet.self, on: 1)
            let got = BasicGetOk(deliveryTag: 1, redelivered: false, exchange: "", routingKey: "d", messageCount: 2)
            try peer.sendContent(got, [1], on: 1)
            #expect(try peer.expect(BasicQos.self, on: 1).prefetchCount == 2)
            try peer.send(BasicQosOk(), on: 1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            for tag in [2, 3] as [UInt64] {
                let deliver = BasicDeliver(
                    consumerTag: "c",
                    deliveryTag: tag,
                    redelivered: false,
                    exchange: "",
                    routingKey: "d"
                )
                try peer.sendContent(deliver, [UInt8(tag)], on: 1)
            }
            #expect(try peer.expect(BasicCancel.self, on: 1).consumerTag == "c")
            try peer.send(BasicCancelOk(consumerTag: "c"), on: 1)
            try declared(0)
            // Not one for each: the queue would walk through all of them for each.
            for tag in [1, 3] as [UInt64] {
                let nack = try peer.expect(BasicNack.self, on: 1)
                #expect(nack == BasicNack(deliveryTag: tag, multiple: tag == 3, requeue: true))
            }
            for ready in [0, 2, 3] as [UInt32] { try declared(ready) }
            try peer.finish()
        } client: { endpoint in
            let connection = try Connection.connect(to: endpoint, on: MultiThreadedEventLoopGroup.singleton)
            defer { connection.close() }
            let box = try self.box(on: connection.openChannel())
            #expect(try box.take(10).map(\.body) == [[1], [2], [3]])
            #expect(box.total == 3)
            #expect(try box.putBack() == 3)
        }
    }

    @Test(.enabled(if: Tool.isBuilt, "needs a release build; ops/test makes one"))
    func `the commands: list, show, retry, remove, purge, and what they say of mistakes`() throws {
        let folder = try Scratch()
        let file = try folder.write("jobs.yaml", self.text)
        func failed(_ words: String...) throws -> Tool.Result {
            try Tool.run(Tool.millrace, ["failed"] + words + ["--file", file])
        }
        try self.withLetters(5) { channel in
            let list = try failed("list", "work")
            #expect(list.status == 0, "\(list.errors)")
            #expect(list.output.contains("m1  exhausted  5 attempts"))
            #expect(list.output.contains("5 of 5 in '\(self.dead)'"))
            let json = try failed("list", "work", "--json", "--limit", "2").output.split(separator: "\n")
            #expect(json.count == 2)
            let object = try JSONSerialization.jsonObject(with: Data(json[1].utf8)) as? [String: Any]
            #expect(object?["id"] as? String == "m1")
            #expect(object?["attempts"] as? Int == 5)
            let show = try failed("show", "work", "m2")
            #expect(show.output.contains("error: error 2"))
            #expect(show.output.contains("body 2"))
            #expect(show.output.contains("header kept"))
            #expect(try failed("show", "work", "nope").status == 1)
            let missing = try failed("retry", "work", "m1", "nope")
            #expect(missing.status == 1)
            #expect(missing.errors.contains("nope; nothing was done"))
            #expect(try failed("retry", "work", "m1").output.contains("1 sent to '\(self.input)'"))
            #expect(try channel.declareQueue(self.input, passive: true).messageCount == 1)
            #expect(try failed("remove", "work", "m2", "m3").output.contains("2 removed"))
            #expect(try failed("purge", "work").status == 64)
            #expect(try failed("purge", "work", "--yes").output.contains("2 removed"))
            #expect(try failed("list", "nobody").status == 64)
            #expect(try failed("retry", "work").status == 64)
        }
        let nowhere = try folder.write(
            "nowhere.yaml",
            self.text.replacing(Broker.uri ?? "", with: "amqp://127.0.0.1:1")
        )
        #expect(try Tool.run(Tool.millrace, ["failed", "list", "work", "--file", nowhere]).status == 69)
    }

    @Test func `the file tells which queue, or the message says to name it`() throws {
        func queue(_ queues: String, exchanges: String = "{}") throws -> String {
            let text = """
                version: 1
                connection: { uri: amqp://a }
                exchanges: \(exchanges)
                queues: \(queues)
                jobs: { work: { queue: q, handler: a.b } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            return try file.deadLetterQueue(of: #require(file.jobs.first))
        }
        #expect(try queue("{ q: {} }") == "q.dead")
        #expect(try queue("{ q: { dead_letter: { routing_key: graves } } }") == "graves")
        let bound = "g: { bindings: [ { exchange: dlx, routing_key: k } ] }"
        let target = "q: { dead_letter: { exchange: dlx, routing_key: k } }"
        #expect(try queue("{ \(target), \(bound) }", exchanges: "{ dlx: {} }") == "g")
        let error = #expect(throws: FailedMessageError.self) {
            _ = try queue("{ \(target) }", exchanges: "{ dlx: {} }")
        }
        #expect(error?.description.contains("--queue") == true)
    }
}
