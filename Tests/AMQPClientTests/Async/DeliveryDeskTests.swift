import AMQPClient
import Testing

@Suite struct DeliveryDeskTests {
    private typealias Desk = DeliveryDesk<Int, String>
    private static let gone = AMQPError(.connectionLost, scope: .connection, text: "gone")

    private func say(_ answer: Desk.Answer) -> String {
        switch answer {
        case .item(let item): "\(item)"
        case .over: "over"
        case .failure(let error): "\(error.code)"
        case .wait: "wait"
        }
    }

    @Test func `items go out in order, each to one taker`() {
        var desk = Desk()
        for item in 1...1000 { #expect(desk.arrived(item) == nil) }
        #expect(desk.readyCount == 1000)
        for item in 1...1000 { #expect(self.say(desk.take(UInt64(item), "a")) == "\(item)") }
        #expect(self.say(desk.take(1001, "a")) == "wait")
        #expect(self.say(desk.take(1002, "b")) == "wait")
        #expect(desk.arrived(1) == "a")
        #expect(desk.arrived(2) == "b")
        #expect(desk.arrived(3) == nil)
    }

    @Test func `a taker that leaves gets nothing, and its item another`() {
        var desk = Desk()
        _ = desk.take(1, "a")
        _ = desk.take(2, "b")
        #expect(desk.leave(1) == "a")
        #expect(desk.leave(1) == nil)
        #expect(desk.arrived(7) == "b")
        #expect(desk.leave(2) == nil)
    }

    @Test func `when it is stopped takers and items come back, and later takers get nothing`() {
        var desk = Desk()
        _ = desk.take(1, "a")
        #expect(desk.quiet().takers == ["a"])
        #expect(self.say(desk.take(2, "b")) == "over")
        var full = Desk()
        _ = full.arrived(1)
        _ = full.arrived(2)
        _ = full.take(1, "a")
        #expect(full.quiet().items == [2])
        #expect(full.readyCount == 0)
    }

    @Test func `what came on a channel that has ended is not given out`() {
        var desk = Desk()
        _ = desk.arrived(1)
        desk.dropReady()
        #expect(self.say(desk.take(1, "a")) == "wait")
    }

    @Test func `a failure reaches those who wait and those who come, unless it was stopped before`() {
        var desk = Desk()
        _ = desk.take(1, "a")
        #expect(desk.fail(Self.gone) == ["a"])
        #expect(self.say(desk.take(2, "b")) == "connection lost")
        var stopped = Desk()
        _ = stopped.quiet()
        _ = stopped.fail(Self.gone)
        #expect(self.say(stopped.take(1, "a")) == "over")
    }
}
