import AMQPWire
import Testing

@Suite struct PluralTests {
    @Test func `one of them is one, and none are many`() {
        #expect([0, 1, 2].map { Plural.of($0, "message") } == ["0 messages", "1 message", "2 messages"])
        #expect([0, 1, 2].map { Plural.of($0, "was", "were") } == ["0 were", "1 was", "2 were"])
    }
}
