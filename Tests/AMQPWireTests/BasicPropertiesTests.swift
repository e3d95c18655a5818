import AMQPWire
import Testing

@Suite struct BasicPropertiesTests {
    static let all = BasicProperties(
        contentType: "a",
        contentEncoding: "b",
        headers: ["h": 1],
        deliveryMode: 2,
        priority: 9,
        correlationID: "c",
        replyTo: "d",
        expiration: "60000",
        messageID: "e",
        timestamp: 0x0102_0304_0506_0708,
        type: "f",
        userID: "g",
        appID: "i",
        clusterID: "j"
    )
    static let allOctets = octets(
        """
        FFFC | 01'a' 01'b' 0000000B 01'h' 'l' 0000000000000001 | 02 09 | 01'c' 01'd' 05'60000' 01'e'
        0102030405060708 | 01'f' 01'g' 01'i' 01'j'
        """
    )

    static func read(_ octets: [UInt8]) throws -> BasicProperties {
        try reading(octets) { reader throws in
            let properties = try BasicProperties(from: &reader)
            #expect(reader.isAtEnd)
            return properties
        }
    }

    @Test func `C26: all fourteen properties, in their order`() throws {
        #expect(try written { try Self.all.encode(into: &$0) } == Self.allOctets)
        #expect(try Self.read(Self.allOctets) == Self.all)
    }

    @Test(arguments: [
        (BasicProperties(), "0000"), (BasicProperties(contentType: "t"), "8000 01't'"),
        (BasicProperties(contentEncoding: "t"), "4000 01't'"), (BasicProperties(headers: [:]), "2000 00000000"),
        (BasicProperties(deliveryMode: 2), "1000 02"), (BasicProperties(priority: 5), "0800 05"),
        (BasicProperties(correlationID: "t"), "0400 01't'"), (BasicProperties(replyTo: "t"), "0200 01't'"),
        (BasicProperties(expiration: "t"), "0100 01't'"), (BasicProperties(messageID: "t"), "0080 01't'"),
        (BasicProperties(timestamp: 1), "0040 0000000000000001"), (BasicProperties(type: "t"), "0020 01't'"),
        (BasicProperties(userID: "t"), "0010 01't'"), (BasicProperties(appID: "t"), "0008 01't'"),
        (BasicProperties(clusterID: "t"), "0004 01't'"),
    ])
    func `C26: each property has its flag, from bit 15 down`(properties: BasicProperties, note: String) throws {
        #expect(try written { try properties.encode(into: &$0) } == octets(note))
        #expect(try Self.read(octets(note)) == properties)
    }

    @Test(arguments: [
        "8001 0000 | 01't'", "8001 0001 0001 0000 | 01't'", "8001 8000 | 01't' 'value of a flag to come'",
        "8000 | 01't' 00000000", "8002 | 01't' 05",
    ])
    func `C26: a chain of flag words is followed, and octets behind the properties are passed over`(note: String) throws
    {
        #expect(try Self.read(octets(note)) == BasicProperties(contentType: "t"))
    }

    @Test func `C26: a chain that never ends is an error`() {
        let error = #expect(throws: WireError.self) { try Self.read([UInt8](repeating: 0xFF, count: 4096)) }
        #expect(error?.kind == .truncated)
    }

    @Test func `C26: no chain is ever written`() throws {
        var random = RandomValues(seed: Seed.value)
        for _ in 0..<500 {
            let properties = random.properties()
            let octets = try written { try properties.encode(into: &$0) }
            #expect(octets[1] & 3 == 0)
            #expect(try Self.read(octets) == properties, "MILLRACE_SEED=\(Seed.value)")
        }
    }

    @Test func `properties cut short anywhere are an error`() {
        for length in 0..<Self.allOctets.count {
            let error = #expect(throws: WireError.self) { try Self.read(Array(Self.allOctets.prefix(length))) }
            #expect(error?.kind == .truncated)
        }
    }
}
