import AMQPClient
import Testing

@Suite struct MonitorTests {
    private struct Secret: ~Copyable { var value = 1 }

    @Test func `a monitor does not show its state to who has not the lock`() {
        let monitor = Monitor(Secret())
        #expect(Mirror(reflecting: monitor).children.isEmpty)
        // The whole of what a failed expectation about a channel shows.
        var text = ""
        dump(AckLine(number: 1), to: &text)
        #expect(!text.contains("tags"))
    }
}
