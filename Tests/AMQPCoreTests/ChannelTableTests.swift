@testable import AMQPCore
import AMQPWire
import TestSupport
import Testing

/// The doors and numbers of a connection's channels, as a value; owners are names here.
@Suite struct ChannelTableTests {
    private typealias Table = ChannelTable<String>

    private static func opened(_ count: Int = 1, limit: Int = 3) throws(AMQPError) -> Table {
        var table = Table(limit: limit)
        for number in 1...count {
            _ = try table.open(UInt64(number)) { number, _ in "owner \(number)" }
            #expect(table.openOkReceived(UInt16(number)) == .opened)
        }
        return table
    }

    private static let refusal = AMQPError(.notOpen, scope: .channel(1), text: "404")
    private static let ours = AMQPError.ended(.channel(1), "closed by its owner")

    private static func error(_ table: Table, _ number: UInt16, _ incarnation: UInt64) -> AMQPError? {
        Scripted.error { () throws(AMQPError) in try table.throwUnlessOpen(number, incarnation) }
    }

    @Test func `C31 C32: numbers go up to the limit, and the owner is there before the answer`() throws {
        var table = Table(limit: 2)
        for number in 1...2 {
            let (taken, owner) = try table.open(UInt64(number)) { number, isReused in "\(number) \(isReused)" }
            #expect(Int(taken) == number && owner == "\(number) false" && table.owner(taken) == owner)
            #expect(!table.isOpen(taken, UInt64(number)) && table.hasRequests)
        }
        let error = Scripted.error { () throws(AMQPError) in _ = try table.open(3) { _, _ in "" } }
        #expect(error?.code == .channelsExhausted && error?.text.contains("all 2 channels") == true)
        #expect(table.openOkReceived(1) == .opened)
        #expect(table.openOkReceived(1) == .unexpected)
        #expect(table.isOpen(1, 1) && !table.isOpen(2, 2) && table.owner(3) == nil)
        #expect(table.openOkReceived(9) == .unexpected)
    }

    @Test func `C40: a number that was freed says so to its next owner, and its old one stays outside`() throws {
        var table = try Self.opened(limit: 1)
        #expect(table.close(1, 1, Self.ours) == true)
        #expect(table.close(1, 1, Self.ours) == false)
        #expect(Self.error(table, 1, 1) == Self.ours && table.owner(1) == "owner 1")
        guard case .closed("owner 1") = table.closeOkReceived(1) else { Issue.record("not closed"); return }
        #expect(table.owner(1) == nil)
        let (number, owner) = try table.open(2) { _, isReused in "\(isReused)" }
        #expect(number == 1)
        #expect(owner == "true")
        #expect(table.openOkReceived(1) == .opened)
        #expect(table.isOpen(1, 2) && !table.isOpen(1, 1))
        #expect(Self.error(table, 1, 1)?.text == "the channel was closed")
        #expect(table.close(1, 1, Self.ours) == false)
        #expect(table.isOpen(1, 2))
    }

    @Test func `C62: an answer is for who has asked, once`() throws {
        var table = try Self.opened()
        #expect(table.replyReceived(1, .basicQosOk) == .unexpected)
        #expect(table.replyReceived(2, .basicQosOk) == .ignore)
        table.asked(1, expecting: .basicGetOk, or: .basicGetEmpty)
        #expect(table.hasRequests && table.isAsking(1, 1))
        #expect(table.replyReceived(1, .basicQosOk) == .unexpected)
        #expect(table.replyReceived(1, .basicGetEmpty) == .deliver)
        #expect(!table.hasRequests)
        #expect(table.replyReceived(1, .basicGetOk) == .unexpected)
        _ = table.close(1, 1, Self.ours)
        #expect(table.replyReceived(1, .basicQosOk) == .ignore)
        #expect(table.hasRequests)  // close-ok is to come (C34)
    }

    @Test func `a door that somebody else has shut lets nothing out, and keeps the answer to itself`() throws {
        var table = try Self.opened()
        table.asked(1, expecting: .basicQosOk, or: nil)
        #expect(table.shut(1, 1, expecting: .basicCancelOk, Self.ours) == false)  // its owner waits
        #expect(table.isOpen(1, 1))
        #expect(table.replyReceived(1, .basicQosOk) == .deliver)
        #expect(table.shut(1, 9, expecting: .basicCancelOk, Self.ours) == false)
        #expect(table.shut(1, 1, expecting: .basicCancelOk, Self.ours) == true)
        #expect(table.shut(1, 1, expecting: .basicCancelOk, Self.ours) == false)
        #expect(!table.isOpen(1, 1) && Self.error(table, 1, 1) == Self.ours && table.isAsking(1, 1))
        #expect(table.askAgain(1, 1, expecting: .basicCancelOk) == false, "one question after the other")
        #expect(table.replyReceived(1, .basicCancelOk) == .take)
        #expect(!table.isAsking(1, 1))
        #expect(table.askAgain(1, 9, expecting: .basicCancelOk) == false)
        #expect(table.askAgain(1, 1, expecting: .basicCancelOk) == true)
        #expect(table.isAsking(1, 1))
        #expect(table.replyReceived(1, .basicCancelOk) == .take)
        #expect(table.close(1, 1, Self.refusal) == true)
        #expect(table.askAgain(1, 1, expecting: .basicCancelOk) == false)
    }

    // MARK: The broker closes

    @Test func `C35: a close of theirs is answered, and its owner is told why`() throws {
        var table = try Self.opened(2)
        let action = table.closeReceived(1, Self.refusal, oursIsUnsent: false, now: 0)
        guard case .answerAndEnd("owner 1") = action else { Issue.record("\(action)"); return }
        #expect(Self.error(table, 1, 1) == Self.refusal && table.isOpen(2, 2) && table.owner(1) == nil)
        guard case .ignore = table.closeReceived(1, Self.refusal, oursIsUnsent: false, now: 0),
            case .ignore = table.closeReceived(7, Self.refusal, oursIsUnsent: false, now: 0)
        else { Issue.record("a repeat was answered"); return }
    }

    @Test func `C39: ours that has not left is taken back`() throws {
        var table = try Self.opened()
        #expect(table.close(1, 1, Self.ours) == true)
        let action = table.closeReceived(1, Self.refusal, oursIsUnsent: true, now: 0)
        guard case .takeBackAndEnd("owner 1") = action else { Issue.record("\(action)"); return }
        #expect(Self.error(table, 1, 1) == Self.refusal && table.owner(1) == nil)
    }

    @Test func `C39: closes that cross are both answered; a close-ok that does not come is given up after 5 s`() throws
    {
        var table = try Self.opened(2)
        for number: UInt16 in 1...2 {
            #expect(table.close(number, UInt64(number), Self.ours) == true)
            let action = table.closeReceived(number, Self.refusal, oursIsUnsent: false, now: UInt64(number))
            guard case .answer = action else { Issue.record("\(action)"); return }
            #expect(table.owner(number) != nil)
        }
        guard case .closed("owner 2") = table.closeOkReceived(2) else { Issue.record("not closed"); return }
        #expect(table.freeOverdue(now: 5_000_000_000).isEmpty == true)
        #expect(table.freeOverdue(now: 5_000_000_001).map(\.owner) == ["owner 1"])
        #expect(table.freeOverdue(now: .max).isEmpty == true)  // the second one was closed in time
        // The one that was given up may come yet; a second one is nobody's.
        guard case .ignore = table.closeOkReceived(1), case .unexpected = table.closeOkReceived(1) else {
            Issue.record("a late close-ok")
            return
        }
    }

    @Test func `a close-ok that is overdue says nothing about the number's next life`() throws {
        var table = try Self.opened(limit: 1)
        #expect(table.close(1, 1, Self.ours) == true)
        guard case .answer = table.closeReceived(1, Self.refusal, oursIsUnsent: false, now: 0),
            case .closed = table.closeOkReceived(1)
        else { Issue.record("not closed"); return }
        _ = try table.open(2) { _, _ in "second" }
        _ = table.openOkReceived(1)
        #expect(table.close(1, 2, Self.ours) == true)
        guard case .answer = table.closeReceived(1, Self.refusal, oursIsUnsent: false, now: 9_000_000_000) else {
            return
        }
        #expect(table.freeOverdue(now: 6_000_000_000).isEmpty == true)
        #expect(table.owner(1) == "second")
        #expect(table.freeOverdue(now: 14_000_000_000).map(\.owner) == ["second"])
    }

    // MARK: Room

    @Test func `C65: who waits for room is told once, and one that is paused when it may go on`() throws {
        var table = try Self.opened(3)
        #expect(table.takeWaiters().isEmpty == true)
        table.wantsRoom(1)
        table.wantsRoom(3)
        #expect(table.flowReceived(3, active: false) == true)
        #expect(table.flowReceived(4, active: false) == false)
        #expect(table.isPaused(3) && !table.isPaused(1))
        #expect(table.takeWaiters() == ["owner 1"])
        #expect(table.takeWaiters().isEmpty == true)
        #expect(table.flowReceived(3, active: true) == true)
        #expect(table.takeWaiters() == ["owner 3"])
        #expect(table.takeWaiters().isEmpty == true)
    }

    // MARK: The end

    @Test func `C41: the end shuts every door, tells each owner once, and later callers why`() throws {
        var table = try Self.opened(3)
        _ = table.closeReceived(2, Self.refusal, oursIsUnsent: false, now: 0)
        let lost = AMQPError(.connectionLost, scope: .connection, text: "reset")
        #expect(table.end(lost) == ["owner 1", "owner 3"])
        #expect(table.end(Self.ours) == nil)
        for number: UInt16 in 1...3 {
            #expect(Self.error(table, number, UInt64(number)) == lost && table.owner(number) == nil)
            #expect(!table.isOpen(number, UInt64(number)))
            #expect(table.close(number, UInt64(number), Self.ours) == false)
            #expect(table.replyReceived(number, .basicQosOk) == .ignore)
            #expect(table.flowReceived(number, active: true) == false)
        }
        let error = Scripted.error { () throws(AMQPError) in _ = try table.open(9) { _, _ in "" } }
        #expect(error == lost)
        #expect(!table.hasRequests)
        #expect(table.freeOverdue(now: .max).isEmpty == true)
    }
}
