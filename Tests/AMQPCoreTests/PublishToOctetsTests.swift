import AMQPWire
import Testing

@testable import AMQPCore

/// A publish to an exchange of any octets is a publish.
@Suite struct PublishToOctetsTests {
    private static func octets(_ method: some AMQPMethod) throws -> [UInt8] {
        var buffer = WireBuffer()
        try method.encode(into: &buffer)
        return buffer.withUnsafeBytes { Array($0) }
    }

    @Test(arguments: [false, true]) func `its octets are those of basic.publish`(mandatory: Bool) throws {
        let method = PublishToOctets(
            exchange: Array("shop".utf8),
            routingKey: Array("orders.new".utf8),
            mandatory: mandatory
        )
        let same = BasicPublish(exchange: "shop", routingKey: "orders.new", mandatory: mandatory)
        #expect(try Self.octets(method) == Self.octets(same))
        #expect(PublishToOctets.id == BasicPublish.id)
    }

    @Test(arguments: [false, true]) func `what no text has goes along, and is read again`(mandatory: Bool) throws {
        let method = PublishToOctets(exchange: [0xFE, 0], routingKey: [0xFF], mandatory: mandatory)
        let octets = try Self.octets(method)
        #expect(octets == [0, 0, 2, 0xFE, 0, 1, 0xFF, mandatory ? 1 : 0])
        let read = try octets.withUnsafeBytes { bytes in
            var reader = WireReader(bytes)
            return try PublishToOctets(from: &reader)
        }
        #expect(read == method)
    }
}
