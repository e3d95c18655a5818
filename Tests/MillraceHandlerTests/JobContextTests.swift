import CMillraceABI
import MillraceHandler
import Testing

@Suite
struct JobContextTests {
    @Test func `a publication arrives whole`() throws {
        let token = FakeToken("")
        _ = try ClosureHandler.run("publish", token) { _, context in
            var publication = Publication([1, 0, 2], exchange: "ex", routingKey: "kéy")
            publication.contentType = "text/plain"
            publication.messageID = "m1"
            publication.correlationID = "c1"
            publication.replyTo = "answers"
            publication.type = "note"
            publication.isTransient = true
            publication.priority = 200
            publication.headers = [
                "z": .bool(false), "y": .integer(-5), "x": .double(1.25), "w": .string("wörd"), "v": .bytes([9, 0]),
                "u": .other, "e": .string(""),
            ]
            try context.publish(publication)
            return .ack
        }
        let sent = try #require(token.publications.first)
        #expect(token.publications.count == 1)
        #expect(sent.body == [1, 0, 2])
        #expect(
            sent.texts == [
                "exchange": "ex", "routing_key": "kéy", "content_type": "text/plain", "message_id": "m1",
                "correlation_id": "c1", "reply_to": "answers", "type": "note",
            ]
        )
        #expect(sent.isTransient)
        #expect(sent.priority == 200)
        #expect(sent.headerOrder == ["e", "v", "w", "x", "y", "z"], "what is .other is left out")
        #expect(
            sent.headers == [
                "z": .bool(false), "y": .integer(-5), "x": .real(1.25), "w": .string("wörd"), "v": .bytes([9, 0]),
                "e": .string(""),
            ]
        )
        #expect(token.wrongSizes.isEmpty)
    }

    @Test func `a plain publication is persistent and sets nothing else`() throws {
        let token = FakeToken("")
        _ = try ClosureHandler.run("publish plain", token) { _, context in
            try context.publish([], routingKey: "")
            try context.publish([7], routingKey: "q", contentType: "a/b")
            return .ack
        }
        try #require(token.publications.count == 2)
        #expect(token.publications[0].body == [])
        #expect(token.publications[0].texts == [:])
        #expect(!token.publications[0].isTransient)
        #expect(token.publications[0].priority == 0)
        #expect(token.publications[0].headerOrder == [])
        #expect(token.publications[1].texts == ["routing_key": "q", "content_type": "a/b"])
    }

    @Test(arguments: [
        (1, "the message can not be published: the job may not publish"),
        (
            2,
            "the message can not be published: exchange, routing key, header names and the short properties take at most 255 octets"
        ),
    ])
    func `a refused publication is an error, and the delivery a retry`(code: Int, reason: String) throws {
        let token = FakeToken("")
        token.publishCode = Int32(code)
        _ = try ClosureHandler.run("publish refused \(code)", token) { _, context in
            try context.publish([], routingKey: "q")
            return .ack
        }
        #expect(token.completions == [.init(MILLRACE_RETRY, reason: reason)])
    }

    @Test func `log lines and numbers arrive`() throws {
        let token = FakeToken("")
        let host = try ClosureHandler.run("logs", token) { _, context in
            context.log("söme")
            context.log(.debug, "d")
            context.log(.warning, "w")
            context.log(.error, "")
            context.count("done")
            context.count("octets", by: 12)
            context.record("seconds", 0.25)
            #expect(context.jobName == "logs")
            return .ack
        }
        #expect(host.lines.map(\.text) == ["söme", "d", "w", ""])
        #expect(
            host.lines.map(\.level)
                == [MILLRACE_INFO, MILLRACE_DEBUG, MILLRACE_WARNING, MILLRACE_ERROR].map(\.rawValue)
        )
        #expect(host.lines.allSatisfy { $0.hasToken })
        let expected: [FakeHost.Metric] = [
            .init(name: "done", kind: 0, value: 1), .init(name: "octets", kind: 0, value: 12),
            .init(name: "seconds", kind: 1, value: 0.25),
        ]
        #expect(host.metrics == expected)
    }

    @Test(arguments: [true, false])
    func `isCancelled is what the host says`(flag: Bool) throws {
        let token = FakeToken("")
        token.isCancelled = flag
        _ = try ClosureHandler.run("cancelled \(flag)", token) { _, context in
            #expect(context.isCancelled == flag)
            return .ack
        }
        #expect(token.completions == [.init(MILLRACE_ACK)])
    }
}
