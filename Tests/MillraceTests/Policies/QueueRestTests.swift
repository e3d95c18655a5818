import Millrace
import Testing

/// What `--once` makes of what a broker says of a queue.
@Suite struct QueueRestTests {
    private func rest(_ looks: (ready: Int, isDelay: Bool, consumers: Int, own: Int)...) -> QueueRest {
        var rest = QueueRest(queue: "q")
        for look in looks {
            rest.add(ready: look.ready, isDelay: look.isDelay, consumers: look.consumers, own: look.own)
        }
        return rest
    }

    @Test func `nothing anywhere, and no consumer but ours`() {
        #expect(self.rest((0, false, 2, 2), (0, true, 1, 1)).isSurelyEmpty)
    }

    @Test func `ready and waiting messages count apart`() {
        let rest = self.rest((3, false, 1, 1), (2, true, 1, 1), (5, true, 1, 1))
        #expect(rest.ready == 3)
        #expect(rest.waiting == 7)
        #expect(!rest.isEmpty)
        #expect(!self.rest((0, false, 1, 1), (1, true, 1, 1)).isEmpty)
    }

    @Test func `what others have in hand is not known, their consumers are`() {
        let rest = self.rest((0, false, 3, 2), (0, true, 2, 1))
        #expect(rest.otherConsumers == 2)
        #expect(rest.isEmpty)
        #expect(!rest.isSurelyEmpty)
        // Ours may not be known to the broker yet, or any more.
        #expect(self.rest((0, false, 0, 2), (0, true, 0, 1)).isSurelyEmpty)
    }

    @Test func `what is in hand, and what nobody knows, is something`() {
        var rest = self.rest((0, false, 0, 0))
        rest.inHand = 1
        #expect(!rest.isEmpty)
        rest.inHand = 0
        rest.unknown = "no answer"
        #expect(!rest.isEmpty)
    }
}
