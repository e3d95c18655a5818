import AMQPCore
import AMQPWire
import Testing

@Suite struct BrokerVersionTests {
    private static func version(_ product: String, _ version: String) -> BrokerVersion {
        BrokerVersion(["product": .string(product), "version": .string(version)])
    }

    @Test func `a delivery limit of -1 is none from RabbitMQ 4.0 on alone`() {
        #expect(!Self.version("RabbitMQ", "3.13.7").takesUnlimitedDeliveries)
        #expect(Self.version("RabbitMQ", "4.0.0").takesUnlimitedDeliveries)
        #expect(!Self.version("LavinMQ", "4.9.1").takesUnlimitedDeliveries)
        #expect(!BrokerVersion(FieldTable()).takesUnlimitedDeliveries)
        #expect(!BrokerVersion(FieldTable()).countsNacks)
    }

    @Test func `a cancel may mean a timeout from RabbitMQ 4.3 on, and where nobody knows`() {
        #expect(!Self.version("RabbitMQ", "3.10.8").cancelsAtTimeout)
        #expect(!Self.version("RabbitMQ", "4.0.5").cancelsAtTimeout)
        #expect(Self.version("RabbitMQ", "4.3.6").cancelsAtTimeout)
        #expect(Self.version("RabbitMQ", "4.10.0-rc.1").cancelsAtTimeout)
        #expect(Self.version("RabbitMQ", "5.0").cancelsAtTimeout)
        #expect(Self.version("LavinMQ", "2.9.1").cancelsAtTimeout)
        #expect(BrokerVersion(FieldTable()).cancelsAtTimeout)
        #expect(!Self.version("RabbitMQ", "").cancelsAtTimeout)
    }
}
