import AMQPClient
import AMQPWire
import Testing

/// What publishers wait for, as a value.
@Suite struct PendingPublishesTests {
    typealias Pending = PendingPublishes<String>

    private static let lost = AMQPError(.connectionLost, scope: .connection, text: "gone")
    private static let noExchange = AMQPError(
        AMQPError.Code(.notFound),
        scope: .channel(1),
        text: "NOT_FOUND - no exchange 'nowhere' in vhost '/'"
    )

    private func pending(_ names: [String], inFlight: Int = 10, bytes: Int = 1000, republishes: Bool = true) -> Pending
    {
        let options = PublisherOptions(maxInFlight: inFlight, maxBytesInFlight: bytes, republishes: republishes)
        var pending = Pending(options)
        for (index, name) in names.enumerated() { self.add(&pending, index + 1, name) }
        return pending
    }

    private func add(
        _ pending: inout Pending,
        _ token: Int,
        _ name: String,
        exchange: String = "",
        deadline: UInt64 = 100
    ) {
        let message = OutgoingMessage(
            Array(name.utf8),
            exchange: exchange,
            routingKey: "q",
            properties: BasicProperties(messageID: name)
        )
        pending.add(UInt64(token), message, deadline: deadline, name)
    }

    /// The names of what is to be sent now.
    private func sendAll(_ pending: inout Pending, now: UInt64 = 0) -> [String] {
        var names: [String] = []
        while let sending = pending.next(now: now) {
            let name = String(decoding: sending.message.body, as: UTF8.self)
            names.append(name + String(repeating: "'", count: sending.before))
        }
        return names
    }

    @Test func `they go in the order of the calls, and each ends once, confirmed`() {
        var pending = self.pending(["a", "b", "c"])
        #expect(self.sendAll(&pending) == ["a", "b", "c"])
        #expect(pending.sentCount == 3)
        let ending = pending.answered(2, nil)
        #expect(ending?.waiter == "b" && ending?.failure == nil && ending?.fate == .published && ending?.sendings == 1)
        #expect(pending.answered(2, nil) == nil)
        #expect(pending.leave(2, .cancelled) == nil)
        #expect(pending.sentCount == 2)
    }

    @Test func `no more are on their way than may be, by number and by octets; one of any size may`() {
        var pending = self.pending(["a", "b", "c"], inFlight: 2)
        #expect(self.sendAll(&pending) == ["a", "b"])
        _ = pending.answered(1, nil)
        #expect(self.sendAll(&pending) == ["c"])

        pending = self.pending(["four", "five", "more than there is room for"], bytes: 8)
        #expect(self.sendAll(&pending) == ["four", "five"])
        _ = pending.answered(1, nil)
        #expect(self.sendAll(&pending) == [])
        _ = pending.answered(2, nil)
        #expect(self.sendAll(&pending) == ["more than there is room for"])
    }

    @Test func `what there was no room for goes first next time, and counts as never sent`() {
        var pending = self.pending(["a", "b"])
        _ = pending.next(now: 0)
        pending.unsent(1)
        #expect(self.sendAll(&pending) == ["a", "b"])
        pending.unsent(2)
        #expect(pending.leave(2, .cancelled)?.fate == .notPublished)
    }

    @Test func `after a lost connection what was on its way goes again, in order and before the rest`() {
        var pending = self.pending(["a", "b", "c", "d"], inFlight: 3)
        #expect(self.sendAll(&pending) == ["a", "b", "c"])
        _ = pending.answered(2, nil)
        #expect(pending.channelEnded(Self.lost).isEmpty)
        #expect(pending.sentCount == 0)
        #expect(self.sendAll(&pending) == ["a'", "c'", "d"])
        #expect(pending.channelEnded(Self.lost).isEmpty)
        #expect(self.sendAll(&pending) == ["a''", "c''", "d'"])
        #expect(pending.answered(1, nil)?.sendings == 3)
    }

    @Test func `in order is as they were sent, whatever their tokens are: calls side by side get theirs in any order`()
    {
        var pending = self.pending([])
        for (token, name) in [(2, "a"), (3, "b"), (1, "c")] { self.add(&pending, token, name) }
        #expect(self.sendAll(&pending) == ["a", "b", "c"])
        #expect(pending.channelEnded(Self.lost).isEmpty)
        #expect(self.sendAll(&pending) == ["a'", "b'", "c'"])
    }

    @Test func `who does not want that hears that nothing is known`() {
        var pending = self.pending(["a", "b"], inFlight: 1, republishes: false)
        _ = self.sendAll(&pending)
        let endings = pending.channelEnded(Self.lost)
        #expect(endings.map(\.waiter) == ["a"])
        #expect(endings.first?.failure == .unanswered(Self.lost))
        #expect(endings.first?.fate == .unknown)
        #expect(self.sendAll(&pending) == ["b"])
    }

    @Test func `what may have become of a message depends on whether it was sent, and how it ended`() {
        var pending = self.pending(["a", "b", "c", "d"], inFlight: 3)
        _ = self.sendAll(&pending)
        #expect(pending.leave(4, .cancelled)?.fate == .notPublished)
        #expect(pending.leave(1, .cancelled)?.fate == .unknown)
        #expect(pending.answered(2, .unroutable)?.fate == .notPublished)
        _ = pending.channelEnded(Self.lost)
        // Sent once, and now waiting to be sent again.
        #expect(pending.leave(3, .cancelled)?.fate == .unknown)

        pending = self.pending(["a"])
        _ = self.sendAll(&pending)
        _ = pending.channelEnded(Self.lost)
        _ = self.sendAll(&pending)
        // The first one may be there.
        #expect(pending.answered(1, .unroutable)?.fate == .unknown)

        self.add(&pending, 2, "of an exchange", exchange: "x")
        _ = self.sendAll(&pending)
        #expect(pending.answered(2, .refused)?.fate == .unknown)
    }

    @Test func `time ends the waits that are over, and no others`() {
        var pending = self.pending([])
        self.add(&pending, 1, "a", deadline: 30)
        self.add(&pending, 2, "b", deadline: 20)
        self.add(&pending, 3, "c", deadline: 40)
        #expect(pending.wake == 20)
        #expect(pending.expired(now: 19).isEmpty)
        #expect(pending.expired(now: 30).map(\.waiter) == ["a", "b"])
        #expect(pending.wake == 40)
        #expect(self.sendAll(&pending) == ["c"])
    }

    @Test func `of those on their way when the broker closes the channel each goes alone, until one closes it again`() {
        var pending = self.pending(["a", "b", "c", "d"], inFlight: 3)
        _ = self.sendAll(&pending)
        let reason = AMQPError(AMQPError.Code(.preconditionFailed), scope: .channel(1), text: "too large")
        #expect(pending.channelEnded(reason).isEmpty)
        #expect(self.sendAll(&pending) == ["a'"])
        #expect(pending.answered(1, nil)?.waiter == "a")
        #expect(self.sendAll(&pending) == ["b'"])
        let endings = pending.channelEnded(reason)
        #expect(endings.map(\.waiter) == ["b"])
        #expect(endings.first?.failure == .rejected(reason))
        #expect(self.sendAll(&pending) == ["c'"])
        // A lost connection proves nothing.
        #expect(pending.channelEnded(Self.lost).isEmpty)
        #expect(self.sendAll(&pending) == ["c''"])
        _ = pending.answered(3, nil)
        #expect(self.sendAll(&pending) == ["d"])
    }

    @Test func `where the broker names an exchange only its messages are looked at`() {
        var pending = self.pending([])
        self.add(&pending, 1, "a")
        self.add(&pending, 2, "b", exchange: "nowhere")
        self.add(&pending, 3, "c")
        _ = self.sendAll(&pending)
        _ = pending.channelEnded(Self.noExchange)
        #expect(self.sendAll(&pending) == ["b'"])
        #expect(pending.channelEnded(Self.noExchange).map(\.waiter) == ["b"])
        #expect(self.sendAll(&pending) == ["a'", "c'"])
    }

    @Test func `one that goes alone and is not answered holds up nobody for long`() {
        var pending = self.pending(["a", "b"])
        _ = self.sendAll(&pending)
        _ = pending.channelEnded(Self.noExchangeOfAll)
        #expect(self.sendAll(&pending, now: 5) == ["a'"])
        let until = 5 + Pending.patience
        #expect(self.sendAll(&pending, now: until - 1) == [])
        #expect(pending.wake == 100)
        #expect(self.sendAll(&pending, now: until) == ["b'"])
    }

    private static let noExchangeOfAll = AMQPError(AMQPError.Code(.accessRefused), scope: .channel(1), text: "no")

    @Test func `a condition of the broker makes nobody a suspect`() {
        var pending = self.pending(["a", "b"])
        _ = self.sendAll(&pending)
        _ = pending.channelEnded(AMQPError(AMQPError.Code(.internalError), scope: .channel(1), text: "crashed"))
        #expect(self.sendAll(&pending) == ["a'", "b'"])
    }

    @Test func `whoever comes back is found by identifier: each once, and those too whose callers have left`() {
        var pending = self.pending(["same", "same", "other"])
        _ = self.sendAll(&pending)
        _ = pending.leave(1, .timeout)
        #expect(pending.cameBack("same") == 1)
        #expect(pending.cameBack("same") == 2)
        #expect(pending.cameBack("same") == nil)
        #expect(pending.cameBack("other") == 3)
        #expect(pending.answered(1, .unroutable) == nil)
        #expect(pending.answered(2, .unroutable)?.waiter == "same")
    }

    @Test func `callers that leave make room; a channel on which too many have left is to be left`() {
        var pending = self.pending([], inFlight: 2)
        var token = 0
        while !pending.mustLeaveChannel, token < 100 {
            token += 1
            self.add(&pending, token, "\(token)")
            #expect(self.sendAll(&pending) == ["\(token)"])
            _ = pending.leave(UInt64(token), .timeout)
        }
        #expect(token == 32)
        _ = pending.channelEnded(Self.lost)
        #expect(!pending.mustLeaveChannel)
        #expect(self.sendAll(&pending) == [])
    }

    @Test func `at the end every wait ends once`() {
        var pending = self.pending(["a", "b"], inFlight: 1)
        _ = self.sendAll(&pending)
        let endings = pending.endAll(Self.lost)
        #expect(endings.map(\.waiter) == ["a", "b"])
        #expect(endings.map(\.fate) == [.unknown, .notPublished])
        #expect(pending.isEmpty && pending.endAll(Self.lost).isEmpty)
    }
}
