import AMQPWire
import Testing

/// Properties as anybody may have published them: an odd one costs the others nothing, and goes on as it came.
@Suite struct OddPropertiesTests {
    static func encoded(_ properties: BasicProperties) throws -> [UInt8] {
        try written { try properties.encode(into: &$0) }
    }

    /// With the 12 octets in front that a header frame has.
    static func salvaged(_ octets: [UInt8]) -> BasicProperties {
        ([0, 60, 0, 0] + [UInt8](repeating: 0, count: 8) + octets).withUnsafeBytes { BasicProperties(salvaging: $0) }
    }

    @Test(arguments: BasicProperties.Text.allCases)
    func `a text of any octets is kept, beside a mode and a priority`(text: BasicProperties.Text) throws {
        var properties = BasicProperties(deliveryMode: 2, priority: 5)
        properties[octets: text] = [0x63, 0xE9]
        let octets = try Self.encoded(properties)
        let read = try BasicPropertiesTests.read(octets)
        #expect(read == properties)
        #expect(read[octets: text] == [0x63, 0xE9])
        #expect(!read.isUTF8(text))
        #expect(read.deliveryMode == 2 && read.priority == 5)
        #expect(try Self.encoded(read) == octets)
        #expect(Self.salvaged(octets) == properties)
        var mended = read
        mended[octets: text] = Array("né".utf8)
        #expect(mended.isUTF8(text) && mended[octets: text] == Array("né".utf8))
        mended[octets: text] = nil
        #expect(mended == BasicProperties(deliveryMode: 2, priority: 5))
    }

    @Test func `the order in which texts are set makes no difference`() {
        var one = BasicProperties()
        var other = BasicProperties()
        for text in BasicProperties.Text.allCases { one[octets: text] = [0xE9] }
        for text in BasicProperties.Text.allCases.reversed() { other[octets: text] = [0xE9] }
        #expect(one == other)
    }

    @Test func `a text that is set anew is no longer what came`() throws {
        var properties = BasicProperties()
        properties[octets: .messageID] = [0xE9]
        #expect(properties.messageID == "\u{FFFD}")
        properties.messageID = "\u{FFFD}"
        #expect(try Self.encoded(properties) == octets("0080 03 EFBFBD"))
        #expect(properties == BasicProperties(messageID: "\u{FFFD}"))
    }

    @Test func `every text odd, and the headers too: octet for octet`() throws {
        let note = """
            FFFC | 01 E9 01 FF 0000000A 01 E9 'S' 00000002 C328 'x' | 02 09 | 01 80 01 FE 02'1' C3 04'caf' E9
            FFFFFFFFFFFFFFFF | 01 E9 01 C0 01 F5 01 BF
            """
        let read = try BasicPropertiesTests.read(octets(note))
        #expect(try Self.encoded(read) == octets(note))
        #expect(read.headers?.undecoded == Array("x".utf8))
        #expect(read.deliveryMode == 2)
    }

    @Test func `random properties, with octets changed, are read or cut short, and what is read is written back`()
        throws
    {
        var random = RandomValues(seed: Seed.value)
        var same = 0
        for _ in 0..<2000 {
            var octets = try Self.encoded(random.properties())
            if octets.count > 2 { for _ in 0..<3 { octets[2 + random.below(octets.count - 2)] = random.octet() } }
            guard let read = try? BasicPropertiesTests.read(octets) else {
                #expect(Self.salvaged(octets).isCutShort, "MILLRACE_SEED=\(Seed.value)")
                continue
            }
            let again = try Self.encoded(read)
            // What lies behind the last one is no property.
            #expect(octets.starts(with: again), "MILLRACE_SEED=\(Seed.value)")
            if again == octets { same += 1 }
        }
        #expect(same > 500)
    }

    @Test func `cut short anywhere the whole ones are kept, and what may be persistent stays so`() {
        for length in 2..<BasicPropertiesTests.allOctets.count {
            let read = Self.salvaged(Array(BasicPropertiesTests.allOctets.prefix(length)))
            #expect(read.isCutShort)
            #expect(read.deliveryMode == 2)
            #expect(read.contentType == (length < 4 ? nil : "a"))
        }
        #expect(Self.salvaged(octets("8000 01't'")) == BasicProperties(contentType: "t"))
        #expect(Self.salvaged(octets("8000 05't'")).deliveryMode == nil)
        #expect(Self.salvaged([]).isCutShort)
        #expect(Self.salvaged([UInt8](repeating: 0xFF, count: 100)).isCutShort)
    }

    @Test func `an octet string of 256 is refused`() {
        var properties = BasicProperties()
        properties[octets: .appID] = [UInt8](repeating: 0xFF, count: 256)
        let error = #expect(throws: WireError.self) { try Self.encoded(properties) }
        #expect(error?.kind == .stringTooLong)
    }
}
