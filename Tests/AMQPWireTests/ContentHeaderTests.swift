import AMQPWire
import Testing

@Suite struct ContentHeaderTests {
    static func peek(_ octets: [UInt8]) throws -> UInt64 {
        try octets.withUnsafeBytes { bytes throws in try ContentHeader.peekBodySize(bytes) }
    }

    static func decode(_ octets: [UInt8]) throws -> ContentHeader {
        try octets.withUnsafeBytes { bytes throws in try ContentHeader.decode(bytes) }
    }

    @Test func `a header is written and read, and its size peeked`() throws {
        let header = ContentHeader(bodySize: 0x0102_0304_0506_0708, properties: BasicProperties(deliveryMode: 2))
        let expected = octets("003C 0000 0102030405060708 1000 02")
        #expect(try written { try header.encode(into: &$0) } == expected)
        #expect(try Self.decode(expected) == header)
        #expect(try Self.peek(expected) == header.bodySize)
    }

    @Test(arguments: ["0032 0000 0000000000000000 0000", "003C 0001 0000000000000000 0000"])
    func `C24: another class or a weight closes with 505`(note: String) {
        let peeked = #expect(throws: WireError.self) { try Self.peek(octets(note)) }
        let decoded = #expect(throws: WireError.self) { try Self.decode(octets(note)) }
        #expect(peeked?.kind == .badProperties)
        #expect(decoded == peeked)
        #expect(peeked?.replyCode == .unexpectedFrame)
    }

    @Test func `a header cut short anywhere is an error`() {
        let whole = octets("003C 0000 0000000000000001 9000 01't' 02")
        for length in 0..<whole.count {
            let error = #expect(throws: WireError.self) { try Self.decode(Array(whole.prefix(length))) }
            #expect(error?.kind == .truncated)
            #expect(length >= 14 || (try? Self.peek(Array(whole.prefix(length)))) == nil)
        }
    }

    @Test func `C26: octets behind the properties do no harm`() throws {
        #expect(try Self.decode(octets("003C 0000 0000000000000001 0000 00000000")) == ContentHeader(bodySize: 1))
    }
}
