import MillraceHandler
import Testing

@Suite
struct JSONSyntaxErrorTests {
    @Test(arguments: [
        ("", 0, "expected a value, but the text ends"),
        ("  x", 2, "expected a value, got 'x'"),
        ("{\"a\" 1}", 5, "expected ':', got '1'"),
        ("{\"a\":1,}", 7, "expected a key in quotes, got '}'"),
        ("[1 2]", 3, "expected ',' or ']', got '2'"),
        ("{\"a\":1", 6, "expected ',' or '}', but the text ends"),
        ("1 2", 2, "expected the end, got '2'"),
        ("01", 1, "expected the end, got '1'"),
        ("[1.]", 3, "expected a digit, got ']'"),
        ("[-]", 2, "expected a digit, got ']'"),
        ("[1e999]", 1, "a number out of range"),
        ("[\"a", 1, "a string that does not end"),
        ("[\"a\n\"]", 3, "a control character in a string; write \\u000a"),
        ("[\"a\\q\"]", 3, "an escape that JSON does not have"),
        ("[\"a\\ud800\"]", 3, "\\u wants four hexadecimal digits, and surrogates come in pairs"),
        ("\u{FEFF}1", 0, "expected a value, got octet 0xef"),
    ])
    func `an error has its octet and its reason`(text: String, offset: Int, reason: String) {
        var reader = JSONReader(Array(text.utf8))
        let error = #expect(throws: JSONSyntaxError.self) { try reader.parse() }
        #expect(error?.offset == offset)
        #expect(error?.reason == reason)
    }

    @Test func `what is not UTF-8 is found in its string`() {
        var reader = JSONReader([0x5B, 0x22, 0x61, 0x22, 0x2C, 0x22, 0xFF, 0x22, 0x5D])
        let error = #expect(throws: JSONSyntaxError.self) { try reader.parse() }
        #expect(error?.description == "not JSON at byte 5: a string that is not UTF-8")
    }

    @Test func `too deep is an error at the level that is one too many`() {
        var reader = JSONReader(Array("[[[[1]]]]".utf8), maxDepth: 3)
        let error = #expect(throws: JSONSyntaxError.self) { try reader.parse() }
        #expect(error?.offset == 3)
        #expect(error?.reason == "more than 3 levels deep")
    }

    @Test func `every beginning of a document is an error at its end or before, never a crash`() throws {
        let document = Array(#"{"a":[1,-2.5e3,"å\n\ud83d\ude00",true,null],"b":{"c":""}}"#.utf8)
        for count in 0..<document.count {
            var reader = JSONReader(Array(document[..<count]))
            let error = #expect(throws: JSONSyntaxError.self) { try reader.parse() }
            #expect((error?.offset ?? .max) <= count)
        }
    }
}
