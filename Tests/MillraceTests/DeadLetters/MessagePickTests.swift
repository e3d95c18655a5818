import Millrace
import Testing

/// How messages are named.
@Suite struct MessagePickTests {
    @Test func `every message with a named id is meant, and ids that nobody has are told once, in order`() {
        var pick = MessagePick(ids: ["b", "nope", "a", "nope", "~1", "b"])
        let taken = ["a", "c", "b", "b", ""].map { pick.takes($0) }
        #expect(taken == [true, false, true, true, false])
        #expect(pick.missing == ["nope", "~1"])
    }

    @Test func `one that was named twice and is there is not missing`() {
        var pick = MessagePick(ids: ["a", "a"])
        let isTaken = pick.takes("a")
        #expect(isTaken)
        #expect(pick.missing == [])
    }

    @Test func `an id wins over a place, since ids may be numbers`() {
        let pick = SinglePick("2")
        #expect(pick.match(id: "x", place: 1) == .none)
        #expect(pick.match(id: "y", place: 2) == .byPlace)
        #expect(pick.match(id: "2", place: 9) == .exact)
        #expect(SinglePick("m2").match(id: "x", place: 2) == .none)
        #expect(SinglePick("-1").match(id: "x", place: 1) == .none)
    }
}
