import AMQPWire
import Millrace
import Testing

/// What is believed of a message that says it is a copy of ours.
@Suite struct CopySealTests {
    private static let seal = CopySeal(user: "jobs")

    private static func message(user: String?) -> BasicProperties {
        BasicProperties(
            headers: [
                JobHeaders.attempt: .int64(4), JobHeaders.exchange: "forged", JobHeaders.routingKey: "orders.vip",
                JobHeaders.queue: "orders", "colour": "red",
            ],
            userID: user
        )
    }

    @Test(arguments: [nil, "guest", "", "Jobs"]) func `what another user published is no copy of ours`(user: String?) {
        #expect(!Self.seal.isOurs(Self.message(user: user)))
        let copy = MessageCopy.properties(
            of: Self.message(user: user),
            attempt: 2,
            exchange: "shop",
            routingKey: "new",
            note: nil,
            seal: Self.seal
        )
        #expect(copy.headers?[JobHeaders.attempt] == .int64(2))
        #expect(copy.headers?[JobHeaders.exchange] == "shop")
        #expect(copy.headers?[JobHeaders.routingKey] == "new")
        #expect(copy.headers?[JobHeaders.queue] == nil)
        #expect(copy.headers?["colour"] == "red")
        #expect(copy.userID == "jobs")
        #expect(copy.headers?[JobHeaders.userID]?.stringValue == user)
    }

    @Test func `what we published says where it was first published, whatever it went through`() {
        let first = Self.message(user: "jobs")
        #expect(Self.seal.isOurs(first))
        let copy = MessageCopy.properties(
            of: first,
            attempt: nil,
            exchange: "",
            routingKey: "orders",
            note: nil,
            seal: Self.seal
        )
        #expect(copy.headers?[JobHeaders.exchange] == "forged")
        #expect(copy.headers?[JobHeaders.attempt] == .int64(4))
    }

    @Test func `where only the broker knows who we are every header is believed`() {
        #expect(CopySeal(user: nil).isOurs(Self.message(user: "anybody")))
    }

    @Test func `each queue counts its own attempts, and a dead letter that is worked off begins anew`() {
        let headers = Self.message(user: "jobs").headers
        #expect(MessageCopy.attempt(headers, at: "orders") == 4)
        #expect(MessageCopy.attempt(headers, at: "orders.dead") == 1)
        var dead = headers
        dead?[JobHeaders.failure] = "exhausted"
        #expect(MessageCopy.attempt(dead, at: "orders") == 1)
    }

    @Test(arguments: [
        "millrace-attempt", "millrace-job", "millrace-queue", "millrace-error", "millrace-error-time",
        "millrace-error-place", "millrace-exchange", "millrace-routing-key", "millrace-failure", "millrace-due",
        "millrace-left", "millrace-user-id", "millrace-died-in",
    ])
    func `no header of ours is believed of what another user published`(header: String) {
        let copy = MessageCopy.properties(
            of: BasicProperties(headers: [header: "forged"], userID: "guest"),
            attempt: nil,
            exchange: "shop",
            routingKey: "new",
            note: nil,
            seal: Self.seal
        )
        #expect(copy.headers?[header] != "forged")
    }
}
