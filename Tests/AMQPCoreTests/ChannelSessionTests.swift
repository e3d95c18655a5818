@testable import AMQPCore
import AMQPWire
import TestSupport
import Testing

/// What the owner of a channel knows of it, as a value.
@Suite struct ChannelSessionTests {
    private static let lost = AMQPError(.connectionLost, scope: .connection, text: "reset")
    private static let refused = AMQPError(.notOpen, scope: .channel(1), text: "404")

    private static func error(_ call: () throws(AMQPError) -> Void) -> AMQPError.Code? { Scripted.error(call)?.code }

    private static func verdicts(_ session: inout ChannelSession) -> [String] {
        session.takeVerdicts().map { "\($0.token) \($0.verdict)" }
    }

    private static func publish(_ session: inout ChannelSession, _ tokens: ClosedRange<UInt64>) {
        for token in tokens { session.published(UnconfirmedPublish(token: token, sequence: session.nextSequence)) }
    }

    private static func confirm(_ tag: UInt64, multiple: Bool = false, _ positive: Bool = true) -> ChannelEvent {
        .confirm(tag: tag, multiple: multiple, positive: positive)
    }

    // MARK: Life

    @Test func `C41: the first end stays, requests throw it, publishes become unknown`() {
        var session = ChannelSession()
        session.confirmsSelected()
        Self.publish(&session, 1...3)
        #expect(session.received(Self.confirm(2)) == .none)
        #expect(session.received(.closed(Self.refused)) == .ended)
        #expect(!session.isOpen && session.endReason == Self.refused && session.unconfirmedCount == 0)
        #expect(session.end(Self.lost) == false)
        #expect(session.endReason == Self.refused)
        #expect(Self.error { () throws(AMQPError) in try session.throwIfEnded() } == .notOpen)
        #expect(Self.verdicts(&session) == ["2 confirmed", "1 unknown", "3 unknown"])
        #expect(Self.verdicts(&session).isEmpty)
    }

    @Test func `what the request was about belongs to the reason, if it is that one`() {
        var session = ChannelSession()
        session.end(Self.lost)
        _ = session.ended(Self.refused, by: BasicQos(prefetchCount: 1))
        #expect(session.endReason == Self.lost)
        let answer = session.ended(Self.lost, by: BasicQos(prefetchCount: 1))
        #expect(session.endReason == answer)
    }

    @Test func `C34: once channel.close is queued nothing counts but its answer, and the end`() {
        var session = ChannelSession()
        session.confirmsSelected()
        Self.publish(&session, 1...1)
        #expect(session.received(.reply(.basicQosOk(BasicQosOk()))) == .none)
        session.closing()
        let events: [ChannelEvent] = [
            .reply(.basicQosOk(BasicQosOk())), .requeued(upTo: 4), Self.confirm(1), .cancelled(consumerTag: "c"),
            .writable,
        ]
        for event in events { #expect(session.received(event) == .none) }
        #expect(session.takeReply() == nil && session.verdicts.isEmpty && session.consumers.cancelled.isEmpty)
        #expect(session.isOpen && session.life == .closing)
        #expect(session.received(.reply(.channelCloseOk(ChannelCloseOk()))) == .none)
        #expect(session.takeReply() != nil)
        session.end(.ended(.channel(1), "closed by its owner"))
        #expect(!session.isOpen)
        session.closing()
        #expect(session.life != .closing)
    }

    // MARK: Events

    @Test func `replies come out in their order, each once`() {
        var session = ChannelSession()
        _ = session.received(.reply(.basicQosOk(BasicQosOk())))
        _ = session.received(.reply(.txSelectOk(TxSelectOk())))
        guard case .reply(.basicQosOk)? = session.takeReply(), case .reply(.txSelectOk)? = session.takeReply() else {
            Issue.record("not in their order")
            return
        }
        #expect(session.takeReply() == nil)
    }

    @Test func `what the broker took back is for the channel to drop, and room is told to who waits`() {
        var session = ChannelSession()
        #expect(session.received(.requeued(upTo: 7)) == .requeued(upTo: 7))
        #expect(!session.isWithoutRoom)
        session.awaitsRoom()
        #expect(session.isWithoutRoom)
        #expect(session.received(.writable) == .none)
        #expect(!session.isWithoutRoom)
    }

    // MARK: Modes

    @Test func `C46: confirms and transactions exclude each other, and there is no way back`() {
        var session = ChannelSession()
        #expect(!session.numbersPublishes)
        for mode in [ChannelSession.Exclusive.confirm, .transaction] {
            #expect(Self.error { () throws(AMQPError) in try session.throwUnlessMayEnter(mode) } == nil)
        }
        var other = session
        session.confirmsSelected()
        other.transactionsSelected()
        #expect(session.numbersPublishes && !other.numbersPublishes)
        #expect(Self.error { () throws(AMQPError) in try session.throwUnlessMayEnter(.confirm) } == nil)
        #expect(Self.error { () throws(AMQPError) in try session.throwUnlessMayEnter(.transaction) } == .refusedLocally)
        #expect(Self.error { () throws(AMQPError) in try session.throwUnlessTransaction(.txCommit) } == .refusedLocally)
        #expect(Self.error { () throws(AMQPError) in try other.throwUnlessMayEnter(.transaction) } == nil)
        #expect(Self.error { () throws(AMQPError) in try other.throwUnlessMayEnter(.confirm) } == .refusedLocally)
        #expect(Self.error { () throws(AMQPError) in try other.throwUnlessTransaction(.txCommit) } == nil)
        session.end(Self.lost)
        #expect(Self.error { () throws(AMQPError) in try session.throwUnlessMayEnter(.transaction) } == .connectionLost)
    }

    @Test func `C64: behind a commit nothing is published before commit-ok, which answers what was before it`() {
        var session = ChannelSession()
        session.transactionsSelected(isTracked: true)
        #expect(session.numbersPublishes && !session.isCommitting)
        #expect(session.takeCommitOk() == false)
        Self.publish(&session, 1...2)
        session.commitStarted()
        #expect(session.isCommitting && session.commitEnd == 2 && session.numbersPublishes)
        #expect(Self.error { () throws(AMQPError) in try session.throwIfCommitting() } == .timeout)
        #expect(session.takeCommitOk() == false)
        session.transactionsSelected()  // asked for again meanwhile: the commit is on its way all the same
        #expect(session.isCommitting)
        _ = session.received(.reply(.txCommitOk(TxCommitOk())))
        #expect(session.takeCommitOk() == true)
        #expect(!session.isCommitting && session.commitEnd == 2)
        #expect(Self.verdicts(&session) == ["1 confirmed", "2 confirmed"])
        Self.publish(&session, 3...3)
        session.commitStarted()
        session.end(Self.lost)
        #expect(Self.verdicts(&session) == ["3 unknown"])
    }

    @Test func `a publisher that has its message kept hears of failures alone`() {
        var session = ChannelSession()
        session.confirmsSelected()
        for _ in 1...2 {
            let message = OutgoingMessage([1], routingKey: "q")
            let sequence = session.nextSequence
            session.published(UnconfirmedPublish(token: sequence, sequence: sequence, message: message))
        }
        _ = session.received(Self.confirm(1))
        _ = session.received(Self.confirm(2, false))
        #expect(Self.verdicts(&session) == ["2 refused"])
    }

    // MARK: Consumers

    @Test func `C52 C56: a tag is in use from consume-ok to its end, and those that the broker ended are told once`() {
        var tags = ConsumerTags()
        let own = tags.makeTag(9)
        #expect(own != tags.makeTag(9) && own.contains("9"))
        tags.starting(own, noAck: true)
        tags.starting("acked", noAck: false)
        #expect(tags.withoutAcks == [own] && tags.inUse.isEmpty)
        tags.started(own)
        tags.started("acked")
        tags.starting("refused", noAck: true)
        tags.failed("refused")
        #expect(tags.withoutAcks == [own] && tags.inUse == [own, "acked"])
        tags.cancelled(own)
        tags.ended("acked")
        #expect(tags.inUse.isEmpty && tags.withoutAcks.isEmpty)
        #expect(tags.takeCancelled() == [own])
        #expect(tags.takeCancelled().isEmpty)
    }

    // MARK: Deliveries

    private static func batch(_ tags: ClosedRange<UInt64>) -> DeliveryBatch {
        let records = tags.map {
            ContentRecord(deliveryTag: $0, redelivered: false, method: 0..<1, header: 1..<2, body: 2..<3)
        }
        return DeliveryBatch(block: ReadBuffer.block([1, 2, 3]), records: ContiguousArray(records))
    }

    private static func tags(_ queue: inout DeliveryQueue) -> [UInt64] {
        var tags: [UInt64] = []
        while let next = queue.next() { tags.append(next.record.deliveryTag) }
        return tags
    }

    @Test func `deliveries come out in their order, one by one or batch by batch, and what is unread is counted`() {
        var queue = DeliveryQueue()
        var arrived: ContiguousArray<DeliveryBatch> = [Self.batch(1...2), Self.batch(3...3)]
        queue.append(&arrived)
        #expect(arrived.isEmpty && queue.unread.count == 3)
        #expect(queue.next()?.record.deliveryTag == 1)
        #expect(queue.unread.count == 1)  // of the batch that was not begun
        arrived = [Self.batch(4...6)]
        queue.append(&arrived)
        #expect(queue.unread.count == 4)
        #expect(Self.tags(&queue) == [2, 3, 4, 5, 6])
        #expect(queue.unread == Backlog())
        arrived = [Self.batch(7...8), Self.batch(9...9)]
        queue.append(&arrived)
        #expect(queue.takeBatch()?.records.map(\.deliveryTag) == [7, 8])
        #expect(queue.unread.count == 1)
        #expect(queue.takeBatch()?.records.map(\.deliveryTag) == [9])
        #expect(queue.takeBatch() == nil)
    }

    @Test func `C59: what the broker took back is not handed out`() {
        var queue = DeliveryQueue()
        var arrived: ContiguousArray<DeliveryBatch> = [Self.batch(1...3), Self.batch(4...5), Self.batch(6...7)]
        queue.append(&arrived)
        #expect(queue.next()?.record.deliveryTag == 1)
        queue.drop { [2, 4, 5, 6].contains($0.deliveryTag) }
        #expect(queue.unread.count == 2)
        #expect(Self.tags(&queue) == [3, 7])
    }
}
