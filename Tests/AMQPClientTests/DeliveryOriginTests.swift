import AMQPClient
import Testing

@Suite struct DeliveryOriginTests {
    @Test func `C37: before its first consumer a number used before has no deliveries of its own`() {
        let origin = DeliveryOrigin(isReused: true)
        #expect(origin.isStray(1, consumerTag: "old"))
        #expect(origin.isStray(13, consumerTag: "old"))
        #expect(origin.isStray(consumerTag: "old"))
        #expect(!DeliveryOrigin(isReused: false).isStray(1, consumerTag: "c"))
        #expect(!DeliveryOrigin(isReused: false).isStray(consumerTag: "c"))
    }

    @Test func `C37: later its own are told by tags that count up, the first by its consumer`() {
        var origin = DeliveryOrigin(isReused: true)
        origin.consumeOkReceived("new")
        #expect(origin.isStray(1, consumerTag: "old"))
        #expect(origin.isStray(13, consumerTag: "new"), "the same consumer tag as in its last life")
        #expect(!origin.isStray(1, consumerTag: "new"))
        origin.received(1)
        #expect(origin.isOwn(2))
        #expect(origin.isStray(14, consumerTag: "old"))
        #expect(origin.isStray(1, consumerTag: "old"))
        // Not ours to judge: tags that do not count up are a broken peer.
        #expect(!origin.isStray(1, consumerTag: "new"))
        origin.received(2)
        #expect(origin.lastTag == 2)
    }
}
