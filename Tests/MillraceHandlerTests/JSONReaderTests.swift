import MillraceHandler
import Testing

@Suite
struct JSONReaderTests {
    private static func read(_ octets: [UInt8]) -> JSONValue? {
        var reader = JSONReader(octets)
        return reader.readDocument()
    }
    private static func read(_ text: String) -> JSONValue? { Self.read(Array(text.utf8)) }

    @Test(arguments: [
        ("null", JSONValue.null), ("true", .bool(true)), (" false\r\n\t", .bool(false)), ("0", .int(0)),
        ("-0", .int(0)),
        ("-12", .int(-12)), ("9223372036854775807", .int(.max)),
        ("9223372036854775808", .unsigned(9_223_372_036_854_775_808)),
        ("1.5", .double(1.5)), ("1e3", .double(1000)), ("-2.5E-1", .double(-0.25)), ("1E+2", .double(100)),
        (#""""#, .string("")), ("[]", .array([])), ("{ }", .object([])),
        ("[1 , [2]]", .array([.int(1), .array([.int(2)])])),
        (#"{"a":{"b":null},"c":[true]}"#, .object([("a", .object([("b", .null)])), ("c", .array([.bool(true)]))])),
    ])
    func `what is JSON is read`(text: String, value: JSONValue) {
        #expect(Self.read(text) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "True", "undefined", "+1", "01", "-01", "1.", ".5", "-", "1e", "1e+", "0x10", "1_000", "NaN",
        "Infinity", "-inf", "1e999", "1 2", "{} x", "[1]]", "[1,]", "[,1]", "[1 2]", "[", "{", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{a:1}", "{1:2}", "{\"a\" 1}", "\"", "\"a", "'a'", "\"\u{1}\"", "\"a\nb\"", "// c", "\u{FEFF}1",
    ])
    func `what is none is refused`(text: String) {
        #expect(Self.read(text) == nil)
    }

    @Test(arguments: [
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e5\u20AC""#, "Aå€"), (#""\u0000""#, "\0"),
        (#""\ud83d\ude00!""#, "😀!"), (#""\uD83D\uDE00""#, "😀"), ("\"å😀\"", "å😀"),
    ])
    func `escapes are read`(text: String, value: String) {
        #expect(Self.read(text) == .string(value))
    }

    @Test(arguments: [
        #""\x41""#, #""\u12""#, #""\u12G4""#, #""\u+123""#, #""\u-001""#, #""\ud83d""#, #""\ud83d!""#, #""\ud83d\n""#,
        #""\ud83dA""#, #""\ude00""#, #""\ude00\ud83d""#, #""\ud83d\ud83d""#, #""\"#,
    ])
    func `broken escapes and lone surrogates are refused`(text: String) {
        #expect(Self.read(text) == nil)
    }

    @Test(arguments: [
        [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0xFF],
    ])
    func `octets that are not UTF-8 are refused`(octets: [UInt8]) {
        #expect(Self.read(octets) == nil)
    }

    @Test func `64 levels are read and 65 are not`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(Self.read(nested(64)) != nil)
        #expect(Self.read(nested(65)) == nil)
        #expect(Self.read(String(repeating: "{\"a\":", count: 100_000)) == nil)
    }
}
