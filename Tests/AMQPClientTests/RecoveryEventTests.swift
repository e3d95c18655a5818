import AMQPClient
import Testing

/// What a recovering connection tells of itself.
@Suite struct RecoveryEventTests {
    @Test func `whoever prints an event prints no password`() throws {
        let event = RecoveryEvent.connecting(try Endpoint(uri: "amqps://ann:s3cret@h/v?certfile=/c&password=k3y"))
        var dumped = ""
        dump(event, to: &dumped)
        for text in ["\(event)", dumped] {
            #expect(!text.contains("s3cret") && !text.contains("k3y"), "\(text)")
            #expect(text.contains("/c"))
        }
    }
}
