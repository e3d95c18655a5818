import AMQPWire
import Millrace
import Testing

/// A dead letter that goes back as a copy of itself.
@Suite struct RenewedPropertiesTests {
    @Test func `it is as it was, but for what belongs to one publish`() {
        let dead = BasicProperties(
            contentType: "text/plain",
            headers: ["kept": 1, "x-delivery-count": 3, "CC": .array([]), "BCC": .array([]), "millrace-error": "e"],
            expiration: "60000",
            messageID: "m",
            userID: "guest"
        )
        let copy = RenewedProperties.of(dead)
        #expect(copy.userID == nil)
        #expect(copy.contentType == "text/plain")
        #expect(copy.expiration == "60000")
        #expect(copy.messageID == "m")
        #expect(copy.headers == ["kept": 1, "millrace-error": "e"])
    }

    @Test func `what the broker alone had noted is noted by us, and what we had noted stays`() {
        let death: FieldTable = [
            "queue": "orders", "reason": "expired", "exchange": "shop", "routing-keys": .array(["new"]),
            "time": .timestamp(7),
        ]
        let dead = BasicProperties(headers: ["x-death": .array([.table(death)]), "millrace-failure": "rejected"])
        let headers = RenewedProperties.of(dead).headers
        #expect(headers?[JobHeaders.queue] == "orders")
        #expect(headers?[JobHeaders.failure] == "rejected")
        #expect(headers?[JobHeaders.error] == "expired")
        #expect(headers?[JobHeaders.exchange] == "shop")
        #expect(headers?[JobHeaders.routingKey] == "new")
        #expect(headers?[JobHeaders.errorTime] == .timestamp(7))
    }
}
