import AMQPWire
import Millrace
import Testing

@Suite struct MessageDeathsTests {
    @Test func `a message that dies where it has died before goes in a circle`() {
        var headers = FieldTable()
        MessageDeaths.add("a", to: &headers)
        MessageDeaths.add("b", to: &headers)
        #expect(MessageDeaths(headers).isCircle(at: "a"))
        #expect(MessageDeaths(headers).isCircle(at: "b"))
        #expect(!MessageDeaths(headers).isCircle(at: "c"))
        #expect(!MessageDeaths(nil).isCircle(at: "a"))
    }

    @Test func `one that the broker held for a time in between comes slowly, and as somebody wanted it`() {
        var headers = FieldTable()
        MessageDeaths.add("a", to: &headers)
        headers["x-death"] = .array([.table(["reason": "expired", "queue": "a.wait"])])
        #expect(!MessageDeaths(headers).isCircle(at: "a"))
        headers["x-death"] = .array([.table(["reason": "maxlen", "queue": "a"])])
        #expect(MessageDeaths(headers).isCircle(at: "a"))
    }

    @Test func `the note does not grow without end, nor with one queue`() {
        var headers = FieldTable()
        for number in 0..<100 { MessageDeaths.add("q\(number)", to: &headers) }
        for _ in 0..<100 { MessageDeaths.add("again", to: &headers) }
        #expect(headers[JobHeaders.diedIn]?.arrayValue?.count == 16)
        #expect(MessageDeaths(headers).isCircle(at: "again"))
        #expect(MessageDeaths(headers).isCircle(at: "q99"), "one queue takes one place")
    }

    @Test(arguments: [FieldValue.string("a"), .int64(1), .array([.int64(1), .void])])
    func `a note of another shape says nothing`(_ value: FieldValue) {
        #expect(!MessageDeaths([JobHeaders.diedIn: value]).isCircle(at: "a"))
    }
}
