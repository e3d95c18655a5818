import AMQPWire
import Millrace
import Testing

/// Names of dead letters that have no message-id.
@Suite struct DeadLetterNamesTests {
    private static func hash(_ body: [UInt8], _ headers: FieldTable? = nil) -> String {
        Self.hash(body, BasicProperties(headers: headers))
    }

    private static func hash(_ body: [UInt8], _ properties: BasicProperties) -> String {
        body.withUnsafeBytes { DeadLetterNames.hash($0, properties) }
    }

    private static func death(_ time: UInt64, count: Int64 = 1) -> FieldValue {
        .table([
            "count": .int64(count), "reason": "expired", "queue": "orders", "time": .timestamp(time),
            "exchange": "shop", "routing-keys": .array(["new"]),
        ])
    }

    @Test func `equal ones are numbered in their order, others are not`() {
        var names = DeadLetterNames()
        #expect(["~a", "~a", "~b", "~a"].map { names.next($0) } == ["~a", "~a-2", "~b", "~a-3"])
        var again = DeadLetterNames()
        #expect(again.next("~a") == "~a")
    }

    @Test func `a copy that is put back has the name of its original, whether the broker keeps its notes or not`() {
        let dead = BasicProperties(
            contentType: "text/plain",
            headers: [
                "x-death": .array([Self.death(7)]), "x-first-death-queue": "orders", "x-delivery-count": 2,
                "CC": .array(["c"]), "own": "yes", "millrace-seq": 4,
            ],
            userID: "guest"
        )
        var copy = RenewedProperties.of(dead)
        copy.headers?["millrace-seq"] = 99
        copy.headers?["x-acquired-count"] = 3
        #expect(Self.hash([1], copy) == Self.hash([1], dead))
        var stripped = copy
        stripped.headers?["x-death"] = nil
        stripped.headers?["x-first-death-queue"] = nil
        #expect(Self.hash([1], stripped) == Self.hash([1], dead))
        #expect(Self.hash([1], RenewedProperties.of(stripped)) == Self.hash([1], dead))
    }

    @Test func `what the broker counts makes no difference, nor in which order it writes a table`() {
        let first = Self.hash([1], ["x-death": .array([Self.death(7)]), "b": ["y": 1, "x": 2], "a": "1"])
        let second = Self.hash([1], ["a": "1", "b": ["x": 2, "y": 1], "x-death": .array([Self.death(7, count: 9)])])
        #expect(first == second)
    }

    @Test func `equal bodies that died at another time, or for another tenant, have other names`() {
        let names = [
            Self.hash([1]), Self.hash([2]), Self.hash([1], ["x-death": .array([Self.death(7)])]),
            Self.hash([1], ["x-death": .array([Self.death(8)])]), Self.hash([1], ["tenant": "a"]),
            Self.hash([1], ["tenant": "b"]), Self.hash([1], BasicProperties(contentType: "a")),
            Self.hash([1], BasicProperties(contentEncoding: "a")), Self.hash([1], BasicProperties(timestamp: 1)),
        ]
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.count == 17 && $0.hasPrefix("~") })
    }
}
