import Testing

@testable import MillraceCLI

/// What `publish --lines` makes of what it reads.
@Suite struct LineBufferTests {
    private static func lines(_ chunks: [[UInt8]]) -> [[UInt8]] {
        var buffer = LineBuffer()
        var lines: [[UInt8]] = []
        for chunk in chunks {
            buffer.append(chunk)
            while let line = buffer.next() { lines.append(line) }
        }
        if let rest = buffer.rest() { lines.append(rest) }
        return lines
    }

    @Test func `octets stay as they are, CR, NUL and what is no UTF-8 among them; the last line needs no newline`() {
        let input: [UInt8] = [0xFF, 0xFE, 13, 10, 0, 10, 10, 0xE2, 0x80, 0xA8, 10, 98]
        let expected: [[UInt8]] = [[0xFF, 0xFE, 13], [0], [], [0xE2, 0x80, 0xA8], [98]]
        #expect(Self.lines([input]) == expected)
        #expect(Self.lines([input + [10]]) == expected)
        for cut in 1..<input.count {
            #expect(Self.lines([Array(input[..<cut]), Array(input[cut...])]) == expected, "cut at \(cut)")
        }
        #expect(Self.lines(input.map { [$0] }) == expected)
        #expect(Self.lines([]) == [])
        #expect(Self.lines([[10]]) == [[]])
    }
}
