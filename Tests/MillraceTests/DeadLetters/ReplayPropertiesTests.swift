import AMQPWire
import Millrace
import Testing

/// What a dead letter that is tried again takes along.
@Suite struct ReplayPropertiesTests {
    private static func death(_ queue: String, _ exchange: String, _ key: String) -> FieldValue {
        .table([
            "count": 1, "reason": "rejected", "queue": .string(queue), "time": .timestamp(9),
            "exchange": .string(exchange), "routing-keys": .array([.string(key), "cc"]),
        ])
    }

    private static func replay(_ properties: BasicProperties) -> BasicProperties {
        ReplayProperties.of(properties, exchange: "dlx", routingKey: "orders.dead", to: "orders")
    }

    private static func origin(_ headers: FieldTable) -> [String?] {
        let copy = Self.replay(BasicProperties(headers: headers)).headers
        return [copy?[JobHeaders.exchange]?.stringValue, copy?[JobHeaders.routingKey]?.stringValue]
    }

    @Test func `nothing of the failure goes along, and what is the application's stays as it was`() {
        var dead = BasicProperties()
        dead.messageID = "m"
        dead.userID = "guest"
        dead.expiration = "1"
        dead.deliveryMode = 2
        dead.replyTo = "answers"
        dead.headers = [
            "millrace-attempt": 5, "millrace-job": "work", "millrace-queue": "orders", "millrace-error": "no",
            "millrace-error-time": .timestamp(1), "millrace-error-place": "a.b on h", "millrace-failure": "exhausted",
            "millrace-exchange": "shop", "millrace-routing-key": "new", "CC": .array(["c"]), "BCC": .array(["b"]),
            "x-death": .array([Self.death("orders", "other", "other")]), "x-first-death-queue": "orders",
            "x-first-death-reason": "rejected", "x-first-death-exchange": "other", "x-last-death-queue": "orders",
            "x-delivery-count": 3, "kept": "yes", "x-own": 1,
        ]
        let copy = Self.replay(dead)
        #expect(
            copy.headers == ["millrace-exchange": "shop", "millrace-routing-key": "new", "kept": "yes", "x-own": 1]
        )
        var expected = dead
        expected.headers = copy.headers
        expected.userID = nil
        expected.expiration = nil
        #expect(copy == expected)
    }

    @Test func `without our headers the broker's note of the death in the job's queue says where it was published`() {
        #expect(Self.origin(["x-death": .array([Self.death("orders", "shop", "new")])]) == ["shop", "new"])
        #expect(
            Self.origin([
                "x-death": .array([Self.death("elsewhere", "a", "b"), Self.death("orders", "shop", "new")])
            ]) == ["shop", "new"]
        )
        #expect(Self.origin(["x-death": .array([Self.death("elsewhere", "a", "b")])]) == ["a", "b"])
    }

    @Test func `octets that are not UTF-8 are passed on, and the mode stays, whatever is odd beside them`() {
        var dead = BasicProperties(headers: ["x-death": .array([.table(["queue": "orders"])])], deliveryMode: 2)
        dead[octets: .messageID] = Array("caf".utf8) + [0xE9]
        dead.headers?.entries.append(FieldTable.Entry(keyOctets: [0xE9], value: "tenant"))
        dead.headers?.undecoded = [1, 0x6B, 0x5A]
        let copy = ReplayProperties.of(dead, exchange: "", routingKey: .nonUTF8String([0xFF]), to: "orders")
        #expect(copy[octets: .messageID] == Array("caf".utf8) + [0xE9])
        #expect(copy.deliveryMode == 2)
        #expect(copy.headers?.entries.first == FieldTable.Entry(keyOctets: [0xE9], value: "tenant"))
        #expect(copy.headers?.undecoded == [1, 0x6B, 0x5A])
        #expect(copy.headers?[JobHeaders.routingKey] == .nonUTF8String([0xFF]))
    }

    @Test func `a key that the broker noted in octets of its own is the origin`() {
        let death: FieldValue = .table([
            "queue": "orders", "exchange": "", "routing-keys": .array([.nonUTF8String([0xFE])]),
        ])
        let copy = Self.replay(BasicProperties(headers: ["x-death": .array([death])]))
        #expect(copy.headers?[JobHeaders.routingKey] == .nonUTF8String([0xFE]))
    }

    @Test func `without any note it is where the message lies`() {
        #expect(Self.origin([:]) == ["dlx", "orders.dead"])
        #expect(Self.replay(BasicProperties()).headers?.count == 2)
    }

    @Test(
        arguments: [
            "text", .array(["text"]), .array([.table([:])]),
            .array([.table(["queue": 1, "exchange": .void, "routing-keys": "no list", "time": 4])]),
            .table(["queue": "orders"]),
        ] as [FieldValue]
    )
    func `anybody may have written x-death`(_ note: FieldValue) {
        #expect(Self.origin(["x-death": note]) == ["dlx", "orders.dead"])
    }
}
