import MillraceHandler
import MillraceTesting
import Testing

@Suite struct TestMessageTests {
    @Test func `a handler reads all that the test has set`() async throws {
        let tester = try await JobTester { message, _ in
            let fields: [String?] = [
                message.exchange, message.routingKey, "\(message.attempt)", "\(message.redelivered)",
                message.contentType, message.contentEncoding, message.messageID, message.correlationID,
                message.replyTo, message.type, message.appID, message.userID, message.expiration,
                message.timestamp.map { "\($0)" }, message.deliveryMode.map { "\($0)" },
                message.priority.map { "\($0)" },
            ]
            return .discard(fields.map { $0 ?? "-" }.joined(separator: " "))
        }
        var message = TestMessage(body: "x", exchange: "e", routingKey: "r", attempt: 3, redelivered: true)
        #expect(try await tester.run("x").outcome == .discard("  1 false - - - - - - - - - - - -"))
        message.contentType = "ct"
        message.contentEncoding = "ce"
        message.messageID = "id"
        message.correlationID = "co"
        message.replyTo = "rt"
        message.type = "ty"
        message.appID = "app"
        message.userID = "user"
        message.expiration = "60000"
        message.timestamp = 1_700_000_000
        message.deliveryMode = 2
        message.priority = 9
        #expect(
            try await tester.run(message).outcome
                == .discard("e r 3 true ct ce id co rt ty app user 60000 1700000000 2 9")
        )
    }

    @Test func `headers of every kind come as they are`() async throws {
        let headers: [String: HeaderValue] = [
            "flag": .bool(true), "number": .integer(-5), "real": .double(0.25), "text": .string("ä"),
            "octets": .bytes([0, 255]), "table": .other,
        ]
        let tester = try await JobTester { message, _ in
            for (key, value) in headers where message.header(key) != value { return .reject(key) }
            return message.header("none") == nil ? .ack : .reject("none")
        }
        #expect(try await tester.run(TestMessage(body: "x", headers: headers)).outcome == .ack)
        #expect(try await tester.run("x").outcome != .ack)
    }

    @Test func `outputs carry all that a publication can`() async throws {
        var publication = Publication([1, 2], exchange: "e", routingKey: "r")
        publication.contentType = "ct"
        publication.messageID = "id"
        publication.correlationID = "co"
        publication.replyTo = "rt"
        publication.type = "ty"
        publication.isTransient = true
        publication.priority = 7
        publication.headers = [
            "flag": .bool(false), "number": .integer(5), "real": .double(1.5), "text": .string(""),
            "octets": .bytes([]),
        ]
        let expected = publication
        let tester = try await JobTester { [publication] _, context in
            try context.publish(publication)
            return .ack
        }
        let result = try await tester.run("x")
        #expect(result.outputs == [expected])
        let next = TestMessage(expected)
        #expect(next.headers == expected.headers)
        #expect(next.deliveryMode == 1)
        #expect(next.priority == 7)
        #expect(next.routingKey == "r")
    }

    @Test func `what AMQP can not carry is refused on both sides`() async throws {
        let long = String(repeating: "x", count: 256)
        let tester = try await JobTester { _, context in
            try context.publish([], routingKey: String(repeating: "x", count: 256))
            return .ack
        }
        #expect(
            try await tester.run("x").outcome
                == .retry(
                    "the message can not be published: exchange, routing key, header names and the short properties take"
                        + " at most 255 octets"
                )
        )
        var message = TestMessage("x")
        message.messageID = long
        for (message, flaw) in [
            (message, "its message id has 256 octets, and 255 is the most"),
            (TestMessage(body: "", routingKey: long), "its routing key has 256 octets, and 255 is the most"),
            (
                TestMessage(body: "", headers: [long: .bool(true)]),
                "the name of a header has 256 octets, and 255 is the most"
            ),
            (TestMessage(body: "", attempt: 0), "attempt 0 is not 1 or more"),
        ] {
            await #expect(throws: JobTesterError(.impossibleMessage(flaw))) { try await tester.run(message) }
        }
    }
}
