import Testing

@testable import MillraceExec

@Suite struct LineCutterTests {
    @Test func `lines come when they are whole, wherever the octets are split, and the last needs no end`() {
        let text = Array("one\r\n\ntwo\nthree".utf8)
        for split in 0...text.count {
            var cutter = LineCutter()
            var lines = cutter.add(text[..<split])
            lines += cutter.add(text[split...])
            if let last = cutter.finish() { lines.append(last) }
            #expect(lines == ["one", "two", "three"], "split at \(split)")
            #expect(cutter.finish() == nil)
        }
    }

    @Test func `what a terminal obeys is written out, and no line is longer than the limit`() {
        var cutter = LineCutter()
        #expect(cutter.add(Array("\u{1B}[2Jgone\tgrün\u{202E}\n".utf8)) == ["\\u{1b}[2Jgone grün\\u{202e}"])
        #expect(cutter.add([0x61, 0xFF, 0x0A]) == ["a\u{FFFD}"])
        let long = cutter.add([UInt8](repeating: 0x61, count: 1_000_000) + [0x0A, 0x62, 0x0A])
        #expect(long.map(\.utf8.count) == [LineCutter.longest + "…".utf8.count, 1])
    }

    @Test func `the reason of a failure is the end of what was said`() {
        var tail = LineTail()
        #expect(tail.text == "")
        for number in 1...9 { tail.add("line \(number)") }
        #expect(tail.text == "line 5 | line 6 | line 7 | line 8 | line 9")
        for _ in 1...9 { tail.add(String(repeating: "x", count: 4000)) }
        #expect(tail.text.count == 1001)
    }
}
