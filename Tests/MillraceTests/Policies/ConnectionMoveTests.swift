import Millrace
import Testing

/// A move to another broker, as a value.
@Suite struct ConnectionMoveTests {
    @Test func `one after the other is tried, and who takes it is where jobs go`() {
        var move = ConnectionMove(candidates: [2, 0])
        #expect(move.begin() == .connect(2))
        #expect(move.isUndecided && !move.isLeaving)
        #expect(move.failed("refused") == .connect(0))
        #expect(move.connected() == .goOver(0))
        #expect(!move.isUndecided && move.isLeaving)
        #expect(move.look(areGone: false) == nil)
        #expect(move.look(areGone: true) == .close)
        #expect(move.look(areGone: true) == nil, "once")
        let wasSomebodyThere = move.oldEnded()
        #expect(!wasSomebodyThere)
        #expect(!move.isLeaving)
    }

    @Test func `if none takes it all stays, for the last reason`() {
        var move = ConnectionMove(candidates: [1, 2])
        #expect(move.begin() == .connect(1))
        #expect(move.failed("one") == .connect(2))
        #expect(move.failed("two") == .stay("two"))
        #expect(!move.isUndecided)
        #expect(move.look(areGone: true) == nil)
        var nobody = ConnectionMove(candidates: [])
        #expect(nobody.begin() == .stay("there is no other broker in the list"))
        #expect(nobody.connected() == .stay("it was not asked for"))
    }

    @Test func `an old connection that ends before all have gone is told`() {
        var move = ConnectionMove(candidates: [1])
        _ = move.begin()
        _ = move.connected()
        let wasSomebodyThere = move.oldEnded()
        #expect(wasSomebodyThere)
        let isSaidAgain = move.oldEnded()
        #expect(!isSaidAgain)
    }
}
