import AMQPWire
import Millrace
import Testing

/// What a copy of a failed message carries, and what stays behind.
@Suite struct FailureNoteTests {
    private static func note(_ error: String, _ reason: FailureNote.Reason? = nil) -> FailureNote {
        FailureNote(job: "work", queue: "orders", place: "shop.bill on host", error: error, time: 7, reason: reason)
    }

    @Test(arguments: ["x", "é", "日", "👩‍👩‍👧‍👦"])
    func `an error of a MiB is cut to its budget, at a whole character, with a mark`(_ character: String) throws {
        let error = String(repeating: character, count: (1 << 20) / character.utf8.count)
        var headers = FieldTable()
        Self.note(error).write(to: &headers)
        let text = try #require(headers[JobHeaders.error]?.stringValue)
        #expect(text.utf8.count <= FailureNote.errorBudget)
        #expect(text.utf8.count > FailureNote.errorBudget - 40)
        #expect(text.hasSuffix("…"))
        #expect(text.dropLast().allSatisfy { String($0) == character })
    }

    @Test func `a short error is whole, and its time and place are with it`() {
        var headers = FieldTable()
        Self.note("no such customer", .exhausted).write(to: &headers)
        #expect(headers[JobHeaders.error] == .string("no such customer"))
        #expect(headers[JobHeaders.errorTime] == .timestamp(7))
        #expect(headers[JobHeaders.errorPlace] == .string("shop.bill on host"))
        #expect(headers[JobHeaders.failure] == .string("exhausted"))
        #expect(headers[JobHeaders.queue] == .string("orders"))
        Self.note("again").write(to: &headers)
        #expect(headers[JobHeaders.failure] == nil)
    }

    @Test func `what belongs to one publish or to the broker stays behind, the rest is as it was`() {
        var original = BasicProperties()
        original.userID = "guest"
        original.expiration = "10"
        original.messageID = "m"
        original.priority = 3
        original.headers = [
            "CC": .array([.string("elsewhere")]), "BCC": .array([.string("elsewhere")]), "x-death": .array([]),
            "x-delivery-count": 3, "x-acquired-count": 4,
            "x-first-death-queue": "orders", "x-last-death-reason": "expired",
            "traceparent": "00-1", "millrace-seq": 4, "x-own": 1,
        ]
        let copy = MessageCopy.properties(of: original, attempt: 2, exchange: "e", routingKey: "k", note: nil)
        #expect(copy.userID == nil)
        #expect(copy.expiration == nil)
        #expect(copy.messageID == "m")
        #expect(copy.priority == 3)
        #expect(
            copy.headers == [
                "traceparent": "00-1", "x-own": 1, "millrace-user-id": "guest", "millrace-exchange": "e",
                "millrace-routing-key": "k", "millrace-attempt": .int64(2),
            ]
        )
    }

    @Test func `what is odd goes along octet for octet, an origin of any octets too`() {
        var original = BasicProperties(headers: ["tenant": "acme"], deliveryMode: 2, priority: 5)
        original[octets: .messageID] = Array("caf".utf8) + [0xE9]
        original.headers?.entries.append(FieldTable.Entry(keyOctets: Array("x-first-death-".utf8) + [0xFF], value: 1))
        original.headers?.undecoded = [1, 0x6B, 0x5A, 0]
        let copy = MessageCopy.properties(
            of: original,
            attempt: 2,
            origin: (FieldValue(textOctets: [0xFE]), FieldValue(textOctets: Array("k".utf8))),
            note: nil
        )
        #expect(copy[octets: .messageID] == Array("caf".utf8) + [0xE9])
        #expect(copy.deliveryMode == 2 && copy.priority == 5)
        #expect(copy.headers?.entries.prefix(2) == original.headers?.entries.prefix(2))
        #expect(copy.headers?.undecoded == original.headers?.undecoded)
        #expect(copy.headers?[JobHeaders.exchange] == .nonUTF8String([0xFE]))
        #expect(copy.headers?[JobHeaders.routingKey] == "k")
    }

    @Test func `a copy of a copy keeps where the first one was published`() {
        let first = MessageCopy.properties(of: BasicProperties(), attempt: 2, exchange: "e", routingKey: "k", note: nil)
        let second = MessageCopy.properties(of: first, attempt: 3, exchange: "", routingKey: "orders", note: nil)
        #expect(second.headers?[JobHeaders.exchange] == .string("e"))
        #expect(second.headers?[JobHeaders.routingKey] == .string("k"))
        #expect(MessageCopy.attempt(second.headers, at: "orders") == 3)
    }

    @Test func `anybody may have written the attempt header`() {
        #expect(MessageCopy.attempt(nil, at: "q") == 1)
        #expect(MessageCopy.attempt([JobHeaders.attempt: "many"], at: "q") == 1)
        #expect(MessageCopy.attempt([JobHeaders.attempt: .int64(.min)], at: "q") == 1)
        #expect(MessageCopy.attempt([JobHeaders.attempt: .int64(.max)], at: "q") == Int(Int32.max))
    }

    @Test func `a copy of a copy keeps whose message it was`() {
        let seal = CopySeal(user: "jobs")
        func copy(_ original: BasicProperties, attempt: Int) -> BasicProperties {
            MessageCopy.properties(of: original, attempt: attempt, exchange: "", routingKey: "q", note: nil, seal: seal)
        }
        let first = copy(BasicProperties(userID: "guest"), attempt: 2)
        let second = copy(first, attempt: 3)
        #expect(first.userID == "jobs" && second.userID == "jobs")
        #expect(first.headers?[JobHeaders.userID] == "guest")
        #expect(second.headers?[JobHeaders.userID] == "guest")
    }
}
