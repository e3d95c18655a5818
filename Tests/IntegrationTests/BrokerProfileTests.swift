import AMQPWire
import Foundation
import TestSupport
import Testing

/// What is known of the releases of RabbitMQ, as data and as text.
@Suite struct BrokerProfileTests {
    @Test func `versions are compared by their numbers, whatever follows them`() {
        let inOrder: [BrokerVersion] = ["3.10", "3.10.8", "3.13.7", "4.0", "4.0.5", "4.1", "4.3.6", "4.10", "10.0"]
        #expect(inOrder.shuffled().sorted() == inOrder)
        #expect(BrokerVersion("4.3.0-rc.1") == "4.3.0")
        #expect(BrokerVersion("4.0.5+deb") == "4.0.5")
        #expect(BrokerVersion("") < "3.10")
        #expect(BrokerVersion("4.3.6").description == "4.3.6")
    }

    @Test func `a version between two that were tried behaves as the one before it did`() {
        #expect(BrokerProfile(version: "3.13.7").deliveryLimit == nil)
        #expect(BrokerProfile(version: "4.0.0").deliveryLimit == 20)
        #expect(BrokerProfile(version: "4.0.9").leastFrameMax == 4096)
        #expect(BrokerProfile(version: "4.2.6").overlongBody.code == .frameError)
        #expect(BrokerProfile(version: "4.2.6").consumerTimeout == .channel)
        #expect(BrokerProfile(version: "4.11.0").consumerTimeout == .consumer)
        #expect(BrokerProfile(product: "Another", version: "9.9").deliveryLimit == nil)
    }

    @Test func `the table in CONFORMANCE.md says what the profiles say`() throws {
        let text = try String(contentsOfFile: Tool.root + "Tests/CONFORMANCE.md", encoding: .utf8)
        let wanted = BrokerProfile.table.joined(separator: "\n")
        #expect(text.contains("\n" + wanted + "\n"), "it has to have these lines:\n\(wanted)")
    }
}
