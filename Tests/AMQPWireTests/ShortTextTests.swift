import AMQPWire
import Testing

/// Texts of a broker that are only shown: one that is not UTF-8 costs no connection.
@Suite struct ShortTextTests {
    /// RabbitMQ 3.10 cuts at 252 octets, inside a character if need be.
    static let cut = Array("NOT_FOUND - no queue '€€".utf8).dropLast()

    @Test func `a text that is cut inside a character is read with a mark`() throws {
        let text = try reading([UInt8(Self.cut.count)] + Self.cut) { try $0.readShortText() }
        #expect(text == "NOT_FOUND - no queue '€\u{FFFD}")
        #expect(try reading(octets("00")) { try $0.readShortText() } == "")
        #expect(try reading(octets("02 C3A9")) { try $0.readShortText() } == "é")
        #expect(throws: WireError.self) { try reading(octets("05'ab'")) { try $0.readShortText() } }
    }

    @Test func `what is mended can be written again`() throws {
        let text = try reading([255] + [UInt8](repeating: 0xFF, count: 255)) { try $0.readShortText() }
        #expect(text == String(repeating: "\u{FFFD}", count: 85))
        #expect(try written { try $0.appendShortString(text) }.count == 256)
    }

    @Test(arguments: [
        "000A 0032 | 0194 03'a' E282 00000000", "0014 0028 | 0194 03'a' E282 0032 000A", "000A 003C | 02'a' E2",
        "0032 000B | 02'q' FF 00000000 00000000", "003C 0015 | 01 FF", "003C 001E | 01 FF 00", "003C 001F | 01 FF",
        "003C 0032 | 0138 01 FF 01 FF 01 FF", "003C 003C | 01 FF 0000000000000001 00 01 FF 01 FF",
        "003C 0047 | 0000000000000001 00 01 FF 01 FF 00000000",
        "000A 000A | 00 09 00000005 01 E9 'Z' 0102 | 00000001 FF 00000001 FF",
    ])
    func `whatever a broker sends in a text, the method is read`(note: String) throws {
        let method = try decodedMethod(octets(note))
        #expect(try decodedMethod(try written { try method.encode(into: &$0) }) == method)
    }

    @Test func `the server's properties are read up to the one that can not be`() throws {
        let start = try decodedMethod(
            octets("000A 000A | 00 09 0000000D 01'p' 'S' 00000002 'ab' 01'z' 'Z' 01 | 00000000 00000000")
        )
        guard case .connectionStart(let method) = start else {
            Issue.record("\(start)")
            return
        }
        #expect(method.serverProperties["p"] == "ab")
    }

    @Test func `what a client sends is held to UTF-8`() {
        let publish = #expect(throws: WireError.self) { try decodedMethod(octets("003C 0028 | 0000 01 FF 00 00")) }
        #expect(publish?.kind == .invalidUTF8)
    }
}
