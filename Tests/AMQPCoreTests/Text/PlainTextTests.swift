import AMQPCore
import AMQPWire
import Testing

/// What a terminal obeys never comes out, whoever wrote it.
@Suite struct PlainTextTests {
    /// C0 with ESC, BEL, CR and LF, DEL, C1, line separators, changes of direction, what is never seen.
    static let hidden: [Unicode.Scalar] =
        [0...0x1F, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069].flatMap { (range: ClosedRange<UInt32>) in
            range.compactMap { Unicode.Scalar($0) }
        } + ["\u{61C}", "\u{AD}", "\u{200B}", "\u{200E}", "\u{200F}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{E0041}"]

    @Test(arguments: hidden) func `a line holds none of it, and shows that it was there`(scalar: Unicode.Scalar) {
        let line = PlainText.line("a\(scalar)b")
        #expect(!line.unicodeScalars.contains(scalar))
        #expect(line.hasPrefix("a\\") && line.hasSuffix("b"))
        #expect(PlainText.line(line) == line)
        let block = PlainText.block("a\(scalar)b")
        #expect(block.unicodeScalars.contains(scalar) == (scalar == "\n" || scalar == "\t"))
    }

    @Test func `a carriage return with its line feed is two characters, not one`() {
        #expect(PlainText.line("a\r\nb") == "a\\r\\nb")
        #expect(PlainText.block("a\r\nb") == "a\\r\nb")
    }

    @Test func `what people write stays as it is, emoji of several parts too`() {
        for text in ["", "plain", "Grüße, 日本, e\u{301}", "👩‍👩‍👧", "a\u{200C}b"] { #expect(PlainText.line(text) == text) }
    }

    @Test func `a line may be cut`() {
        #expect(PlainText.line("abcdef", limit: 3) == "abc…")
        #expect(PlainText.line("abc", limit: 3) == "abc")
        #expect(PlainText.line("a\u{1B}[31mb", limit: 2) == "a\\u{1b}…")
    }

    @Test func `an error's own text is one line for a log, whatever the broker said`() {
        let text = "no queue '\u{1B}[2J\r\n\u{202E}x' in vhost '/'"
        let error = AMQPError(AMQPError.Code(404), scope: .channel(1), text: text)
        #expect(!error.description.unicodeScalars.contains(where: PlainText.isHidden))
        #expect(error.description.contains("no queue '\\u{1b}[2J\\r\\n\\u{202e}x' in vhost"))
        #expect(error.entity?.name == "\u{1B}[2J\r\n\u{202E}x")  // code gets it as it is
    }
}
