import AMQPBroker
import AMQPWire
import TestSupport
import Testing

/// Direct reply-to: answers reach the channel that asked, and nobody else.
@Suite struct DirectReplyTests {
    private static let word = "amq.rabbitmq.reply-to"

    private static func properties(_ replyTo: String) -> BasicProperties {
        var properties = BasicProperties()
        properties.replyTo = replyTo
        properties.correlationID = "7"
        return properties
    }

    private static func read(_ seen: Seen) -> BasicProperties {
        seen.header.withUnsafeBytes { BasicProperties(salvaging: $0) }
    }

    @Test func `a question has the asker's own key, and the answer to it comes to the asker`() throws {
        let rig = Rig()
        let (asker, other) = (try rig.connect(), try rig.connect())
        for client in [asker, other] { try client.open(1) }
        try other.ask(QueueDeclare(queue: "questions"), .queueDeclareOk)
        try asker.ask(BasicConsume(queue: Self.word, consumerTag: "answers", noAck: true), .basicConsumeOk)
        try asker.publish([1], to: "questions", properties: Self.properties(Self.word))
        try other.send(BasicGet(queue: "questions", noAck: true))
        let question = try other.next()
        let key = try #require(Self.read(question).replyTo)
        #expect(key.hasPrefix(Self.word + "."))
        #expect(Self.read(question).correlationID == "7")
        try other.ask(QueueDeclare(queue: key, passive: true), .queueDeclareOk)
        try other.publish([2], to: key, mandatory: true)
        let answer = try asker.next()
        guard case .basicDeliver(let deliver) = answer.method else { throw PeerFailure("no delivery: \(answer)") }
        #expect(deliver.consumerTag == "answers" && deliver.routingKey == key && answer.body == [2])
        #expect(other.takeSeen().isEmpty)
        // Nobody asks any more: it comes back.
        try asker.ask(BasicCancel(consumerTag: "answers"), .basicCancelOk)
        try other.publish([3], to: key, mandatory: true)
        try other.expect(.basicReturn)
        #expect(asker.takeSeen().isEmpty)
    }

    @Test func `with the channel the asker is gone`() throws {
        let rig = Rig()
        let client = try rig.connect()
        try client.open(1, 2)
        try client.ask(QueueDeclare(queue: "questions"), .queueDeclareOk)
        try client.ask(BasicConsume(queue: Self.word, noAck: true), .basicConsumeOk)
        try client.publish([1], to: "questions", properties: Self.properties(Self.word))
        try client.ask(ChannelClose(replyCode: 200, replyText: "bye"), .channelCloseOk)
        try client.send(BasicGet(queue: "questions", noAck: true), on: 2)
        let key = try #require(try Self.read(client.next()).replyTo)
        try client.publish([2], to: key, mandatory: true, on: 2)
        try client.expect(.basicReturn)
    }

    @Test func `what makes no sense is refused as RabbitMQ does`() throws {
        let rig = Rig()
        for (consumes, noAck, text) in [
            (0, true, "PRECONDITION_FAILED - fast reply consumer does not exist"),
            (1, false, "PRECONDITION_FAILED - reply consumer cannot acknowledge"),
            (2, true, "PRECONDITION_FAILED - reply consumer already set"),
        ] {
            let client = try rig.connect()
            try client.open(1)
            for number in 0..<consumes {
                if number > 0 { try client.expect(.basicConsumeOk) }
                try client.send(BasicConsume(queue: Self.word, consumerTag: "\(number)", noAck: noAck))
            }
            if consumes == 0 { try client.publish(to: "nowhere", properties: Self.properties(Self.word)) }
            let (code, said) = try client.closeCode()
            #expect(code == 406 && said == text)
        }
    }
}
