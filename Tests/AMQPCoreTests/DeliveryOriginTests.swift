import AMQPCore
import Testing

@Suite struct DeliveryOriginTests {
    private static func isOwn(_ origin: DeliveryOrigin, _ tag: UInt64, _ consumerTag: String) -> Bool {
        Array(consumerTag.utf8).withUnsafeBytes { origin.isOwn(tag, consumerTag: $0) }
    }

    @Test func `C37: before its first consumer a number used before has no deliveries of its own`() {
        let origin = DeliveryOrigin(isReused: true)
        #expect(!Self.isOwn(origin, 1, "old"))
        #expect(!Self.isOwn(origin, 13, "old"))
        #expect(origin.isStray(consumerTag: "old"))
        let first = DeliveryOrigin(isReused: false)
        #expect(first.hasNoPast)
        #expect(Self.isOwn(first, 1, "c"))
        #expect(!first.isStray(consumerTag: "c"))
    }

    @Test func `C37: later its own are told by their consumer and by tags that count up, also where both count alike`()
    {
        var origin = DeliveryOrigin(isReused: true)
        origin.consumeOkReceived("new")
        #expect(!Self.isOwn(origin, 1, "old"))
        #expect(!Self.isOwn(origin, 13, "new"), "the same consumer tag as in its last life")
        #expect(Self.isOwn(origin, 1, "new"))
        origin.received(1)
        #expect(!Self.isOwn(origin, 2, "old"), "an old one that happens to be next in the count")
        #expect(Self.isOwn(origin, 2, "new"))
        #expect(!Self.isOwn(origin, 1, "new"))
        origin.received(2)
        #expect(origin.lastTag == 2)
        #expect(!origin.isStray(consumerTag: "new"))
        #expect(origin.isStray(consumerTag: "ne"))
    }
}
