import AMQPClient
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// A handler's options and the rest of the job file understand the same durations.
@Suite struct DurationGrammarTests {
    private static func optionDuration(_ text: String) throws -> Duration? {
        try? HandlerOptions(json: Array("{\"a\":\"\(text)\"}".utf8)).duration("a")
    }

    @Test(arguments: [
        "500ms", "30s", "2m", "1h", "1m30s", "1h2m3s4ms", "0s", "007s", "", "5", "s", "1s1m", "1s1s", "1 s", "+1s",
        "-1s", "1.5s",
        "1sm", "9223372036854775807ms", "9223372036854775807s", "9223372036854775808ms", "١s", "1d", "1S",
    ])
    func `both take it, or neither`(_ text: String) throws {
        #expect(try Self.optionDuration(text) == (try? DurationText.parse(text).get()))
    }

    @Test(arguments: [0, 1, 999, 1000, 61_001, 3_600_000, 90_061_001])
    func `both write what both take`(milliseconds: Int) throws {
        let text = DurationText.write(.milliseconds(milliseconds))
        #expect(OptionDuration.write(.milliseconds(milliseconds)) == text)
        #expect(try Self.optionDuration(text) == .milliseconds(milliseconds))
    }

    @Test func `random texts of the grammar's letters are the same for both`() throws {
        var generator = Seed()
        var understood = 0
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                text += ["1", "20", "h", "m", "s", "ms", "x"].randomElement(using: &generator) ?? ""
            }
            let duration = try? DurationText.parse(text).get()
            #expect(try Self.optionDuration(text) == duration, "\(text), seed \(generator.value)")
            if duration != nil { understood += 1 }
        }
        #expect(understood > 100)
    }
}
