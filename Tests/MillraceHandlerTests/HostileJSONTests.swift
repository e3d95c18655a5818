import MillraceHandler
import Testing

/// Documents that were made to cost time, memory or the process.
@Suite(.timeLimit(.minutes(10)))
struct HostileJSONTests {
    struct Named: Codable { var name: String? }
    struct Count: Codable { var count: Int }
    struct Wide: Codable { var number: Int128 }
    enum Color: String, Codable { case red, green }

    /// Marks of two classes in turns: each has to be moved past all others of its run to bring them in order.
    private static func marks(_ count: Int) -> String {
        String(repeating: "\u{301}\u{323}", count: count / 2)
    }

    @Test func `a key or a text of combining marks is an error at once, for it would be compared in quadratic time`()
        throws
    {
        let marks = Self.marks(1_000_000)
        let reason = "payload: not JSON at byte 1: a string with more than 128 combining marks in a row"
        #expect(try decode([String: Int].self, "{\"\(marks)\":1}").reason == reason)
        #expect(try decode(Named.self, "{\"\(marks)\":1}").reason == reason)
        #expect(try decode([Color].self, "[\"\(marks)\"]").reason == reason)
        let escaped = String(repeating: "\\u0301\\u0323", count: 65)
        #expect(try decode([String].self, "[\"\(escaped)\"]").reason == reason)
    }

    @Test func `128 marks in a row are text, and so are more in several words`() throws {
        let marks = Self.marks(128)
        let text = "a\(marks) b\(marks) \u{1F600}"
        #expect(try decode(Named.self, "{\"name\":\"\(text)\"}").get().name == text)
    }

    @Test func `a million levels are refused at the first too many`() throws {
        for opening in ["[", "{\"a\":"] {
            let reason = try decode([[Int]].self, String(repeating: opening, count: 1_000_000)).reason
            #expect(reason?.hasSuffix("more than 128 levels deep") == true)
        }
    }

    @Test func `a million digits are an error or a number, in no time`() throws {
        let digits = String(repeating: "7", count: 1_000_000)
        #expect(
            try decode(Count.self, "{\"count\":\(digits)}").reason
                == "payload: not JSON at byte 9: a number out of range"
        )
        #expect(
            try decode(Count.self, "{\"count\":1e\(digits)}").reason
                == "payload: not JSON at byte 9: a number out of range"
        )
        #expect(try decode([Double].self, "[0.\(digits)]").get() == [7.0 / 9])
        #expect(try decode([Double].self, "[1e-\(digits)]").get() == [0])
    }

    @Test func `a key a hundred thousand times over is the last one, in linear time`() throws {
        let members = (0..<100_000).map { "\"count\":\($0)" }.joined(separator: ",")
        #expect(try decode(Count.self, "{\(members)}").get().count == 99_999)
        let many = (0..<100_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(try decode([String: Int].self, "{\(many)}").get().count == 100_000)
    }

    @Test func `a type that this decoder does not know is a reject`() throws {
        #expect(try decode(Wide.self, "{\"number\":1}").reason?.contains("Int128") == true)
    }

    @Test func `a path is cut, so that the reason behind it is seen`() throws {
        let key = String(repeating: "k", count: 40)
        let nested = String(repeating: "{\"\(key)\":", count: 100) + "1" + String(repeating: "}", count: 100)
        let reason = try #require(try decode(Nest.self, nested).reason)
        #expect(reason.utf8.count < 400)
        #expect(reason.hasSuffix("expected an object, got a number"))
    }

    /// Takes objects in objects, without end.
    private struct Nest: Decodable {
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            for key in container.allKeys { _ = try container.decode(Nest.self, forKey: key) }
        }
        struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
    }
}
