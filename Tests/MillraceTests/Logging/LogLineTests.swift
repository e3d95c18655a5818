import AMQPClient
import Foundation
import Logging
import Millrace
import Testing

/// One event is one line, in either format, and nothing in it can look like more than it is.
@Suite struct LogLineTests {
    private static let hostile = "x\r\n2026-01-01 ERROR forged\u{1B}[2J\u{7}\u{85}\u{2028}\u{202E}\u{7F}\0"

    private func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> LogLine {
        LogLine(time: "T", level: .warning, message: "\(message)", metadata: metadata)
    }

    @Test func `a line for people ends once and holds nothing that a terminal obeys`() {
        let line = self.line(Self.hostile, ["reason": "\(Self.hostile)", "\u{1B}": "v", "list": ["\u{1B}", "\n"]])
        let text = line.human(isColored: false)
        #expect(text.unicodeScalars.filter { PlainText.isHidden($0) } == ["\n"])
        #expect(text.hasSuffix("\n"))
        #expect(text.contains("x\\r\\n2026"))
    }

    @Test func `a value can not pass for another key`() {
        let line = self.line("m", ["a": "1 b=2", "c": "\" d=\"3", "e": "", "f": "\\", "g": "x=y", "h": "1\u{A0}b"])
        #expect(
            line.human(isColored: false)
                == "T WARNING m a=\"1 b=2\" c=\"\\\" d=\\\"3\" e=\"\" f=\\ g=\"x=y\" h=\"1\u{A0}b\"\n"
        )
    }

    @Test func `colours are the only escapes`() {
        #expect(self.line("m").human(isColored: true) == "T \u{1B}[33mWARNING\u{1B}[0m m\n")
    }

    @Test func `a JSON line parses, says the same, and holds nothing that a terminal obeys`() throws {
        let hostile = Self.hostile + "\u{E0041}\"\\/"
        let text = self.line(hostile, ["reason": "\(hostile)"]).json
        #expect(text.unicodeScalars.filter { PlainText.isHidden($0) } == ["\n"])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: String])
        #expect(object["message"] == hostile)
        #expect(object["reason"] == hostile)
        #expect(object["level"] == "warning")
    }

    @Test func `in JSON a number is a number, and a flag a flag; a text of digits stays a text`() throws {
        let line = self.line("m", ["n": .number(UInt16(7)), "most": .number(UInt64.max), "b": .flag(true), "id": "12"])
        #expect(line.json.hasSuffix(#""b":true,"id":"12","most":"18446744073709551615","n":7}"# + "\n"))
        #expect(line.human(isColored: false) == "T WARNING m b=true id=12 most=18446744073709551615 n=7\n")
    }
}
