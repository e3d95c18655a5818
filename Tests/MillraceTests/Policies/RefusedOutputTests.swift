import AMQPClient
import Millrace
import Testing

/// What becomes of outputs that the broker refuses; no broker, no clock.
@Suite struct RefusedOutputTests {
    private typealias Queue = OutputQueue<String>
    private static let ms: UInt64 = 1_000_000

    private func queue(tx: Bool = false, size: Int = 1) -> Queue {
        OutputQueue(.init(isTransactional: tx, size: size, timeout: 0))
    }

    /// Sends all that may go; gives inputs and places.
    private func send(_ queue: inout Queue, now: UInt64) -> [String] {
        var sent: [String] = []
        while sent.count < 100, let step = queue.next(now: now, mayWait: false) {
            sent.append("\(step.load)\(step.index)")
            queue.sent(step.token, now: now)
        }
        return sent
    }

    @Test func `what was refused goes again after a pause, without what was accepted, and others go on meanwhile`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 3, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0", "a1", "a2"])
        #expect(queue.answered(first + 1, .refused, now: 0)?.load == nil)
        #expect(queue.answered(first, .confirmed, now: 0)?.load == nil)
        #expect(queue.answered(first + 2, .confirmed, now: 0)?.load == nil)
        #expect(queue.refusedCount == 1)
        #expect(queue.takeRefusals() == 1)
        #expect(queue.deadline == 50 * Self.ms)
        let second = queue.add("b", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 49 * Self.ms) == ["b0"])
        #expect(queue.answered(second, .confirmed, now: 49 * Self.ms)?.load == "b")
        #expect(!queue.hasUnsent(now: 49 * Self.ms))
        #expect(queue.hasUnsent(now: 50 * Self.ms))
        #expect(self.send(&queue, now: 50 * Self.ms) == ["a1"])
        #expect(queue.deadline == nil)
        let finished = queue.answered(first + 1, .confirmed, now: 60 * Self.ms)
        #expect(finished?.load == "a")
        #expect(finished?.outputs == 3)
        #expect(finished?.isReturned == false)
        #expect(queue.isEmpty)
        #expect(queue.refusedCount == 0)
    }

    @Test func `one output refused and another one returned: the input has failed`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 2, now: 0)
        #expect(self.send(&queue, now: 0).count == 2)
        #expect(queue.answered(first, .refused, now: 0)?.load == nil)
        #expect(queue.answered(first + 1, .returned, now: 0)?.isReturned == true)
        #expect(queue.isEmpty)
        #expect(queue.deadline == nil)
    }

    @Test func `refused again on the same channel: the next try is on a new one, when nothing is on its way`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0"])
        _ = queue.answered(first, .refused, now: 0)
        var now = 50 * Self.ms
        #expect(queue.renewal(now: now) == .none)
        #expect(self.send(&queue, now: now) == ["a0"])
        let other = queue.add("b", outputs: 1, now: now)
        #expect(self.send(&queue, now: now) == ["b0"])
        _ = queue.answered(first, .refused, now: now)
        #expect(queue.renewal(now: now) == .none)

        now += 100 * Self.ms
        queue.add("c", outputs: 1, now: now)
        #expect(queue.renewal(now: now) == .wait)  // b is on its way
        #expect(self.send(&queue, now: now) == [])
        #expect(queue.deadline == now + Queue.renewalPatience)
        #expect(queue.answered(other, .confirmed, now: now)?.load == "b")
        #expect(queue.renewal(now: now) == .renew)
        queue.renewed(true)
        #expect(self.send(&queue, now: now) == ["a0", "c0"])
        #expect(queue.answered(first, .confirmed, now: now)?.load == "a")
        #expect(queue.refusedCount == 0)
    }

    @Test func `an old channel that never answers is waited for no longer than a second, and nobody is at fault`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 1, now: 0)
        queue.add("mute", outputs: 2, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0", "mute0", "mute1"])
        _ = queue.answered(first, .refused, now: 0)
        #expect(self.send(&queue, now: 50 * Self.ms) == ["a0"])
        _ = queue.answered(first, .refused, now: 50 * Self.ms)
        let now = 200 * Self.ms
        #expect(queue.renewal(now: now) == .wait)
        #expect(queue.renewal(now: now + Queue.renewalPatience) == .renew)
        queue.renewed(true)
        #expect(self.send(&queue, now: now + Queue.renewalPatience).sorted() == ["a0", "mute0", "mute1"])
        // The next end of a channel finds the guilty one as ever.
        #expect(queue.channelEnded(isRefusal: false, now: now) == [])
        #expect(queue.count == 2)
    }

    @Test func `where no other channel can be had it goes on with the old one`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0"])
        _ = queue.answered(first, .refused, now: 0)
        #expect(self.send(&queue, now: 50 * Self.ms) == ["a0"])
        _ = queue.answered(first, .refused, now: 50 * Self.ms)
        #expect(queue.renewal(now: 150 * Self.ms) == .renew)
        queue.renewed(false)
        #expect(self.send(&queue, now: 150 * Self.ms) == ["a0"])
    }

    @Test(arguments: [false, true])
    func `a channel that the broker's condition ends: nobody is at fault, the one that was alone waits`(tx: Bool) {
        var queue = self.queue(tx: tx, size: 3)
        var tokens: [String: UInt64] = [:]
        for name in ["a", "b", "c"] { tokens[name] = queue.add(name, outputs: 1, now: 0) }
        #expect(self.send(&queue, now: 0) == ["a0", "b0", "c0"])
        #expect(queue.channelEnded(isRefusal: true, now: 0) == [])
        #expect(self.send(&queue, now: 0) == ["a0"])
        #expect(queue.channelEnded(isRefusal: true, now: 0) == [])
        #expect(queue.refusedCount == 1)
        for name in ["b", "c"] {
            #expect(self.send(&queue, now: 0) == ["\(name)0"])
            queue.committed()
            #expect(queue.answered(tokens[name] ?? 0, .confirmed, now: 0)?.load == name)
        }
        #expect(self.send(&queue, now: 49 * Self.ms) == [])
        #expect(self.send(&queue, now: 50 * Self.ms) == ["a0"])
        queue.committed()
        #expect(queue.answered(tokens["a"] ?? 0, .confirmed, now: 50 * Self.ms)?.load == "a")
    }

    @Test func `what ended a channel when it was refused goes alone after the pause, too`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 1, now: 0)
        queue.add("b", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0", "b0"])
        #expect(queue.channelEnded(isRefusal: true, now: 0) == [])
        for name in ["a", "b"] {
            #expect(self.send(&queue, now: 0) == ["\(name)0"])
            #expect(queue.channelEnded(isRefusal: true, now: 0) == [])
        }
        #expect(self.send(&queue, now: 50 * Self.ms) == ["a0"])
        #expect(queue.answered(first, .confirmed, now: 50 * Self.ms)?.load == "a")
        #expect(self.send(&queue, now: 50 * Self.ms) == ["b0"])
    }

    @Test func `in a transaction a refused input goes output by output: what is accepted does not go again`() {
        var queue = self.queue(tx: true, size: 10)
        let first = queue.add("a", outputs: 3, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0", "a1", "a2"])
        #expect(queue.channelEnded(isRefusal: true, now: 0) == [])
        var now = 50 * Self.ms
        #expect(self.send(&queue, now: now) == ["a0"])
        #expect(queue.mustCommit)
        queue.committed()
        #expect(queue.answered(first, .confirmed, now: now)?.load == nil)
        #expect(self.send(&queue, now: now) == ["a1"])
        #expect(queue.channelEnded(isRefusal: true, now: now) == [])
        now += 100 * Self.ms
        for place in [UInt64(1), 2] {
            #expect(self.send(&queue, now: now) == ["a\(place)"])
            queue.committed()
            #expect((queue.answered(first + place, .confirmed, now: now)?.load == "a") == (place == 2))
        }
        #expect(queue.isEmpty)
    }

    @Test func `each try that costs a channel: after three in a row everybody waits for the pause`() {
        var queue = self.queue(tx: true, size: 10)
        for number in 0..<9 { queue.add("\(number)-", outputs: 1, now: 0) }
        #expect(self.send(&queue, now: 0).count == 9)
        #expect(queue.channelEnded(isRefusal: true, now: 0) == [])
        for number in 0..<3 {
            #expect(self.send(&queue, now: 0) == ["\(number)-0"])
            #expect(queue.channelEnded(isRefusal: true, now: 0) == [])
        }
        #expect(self.send(&queue, now: 49 * Self.ms) == [])
        #expect(queue.deadline == 50 * Self.ms)
        #expect(self.send(&queue, now: 50 * Self.ms) == ["3-0"])
        // A drain waits for nobody.
        #expect(queue.channelEnded(isRefusal: true, now: 50 * Self.ms) == [])
        #expect(queue.takeRefused() == ["3-"])
        #expect(self.send(&queue, now: 50 * Self.ms) == ["4-0"])
    }

    @Test
    func `many that a full queue refuses, each at the cost of a channel: others go on, and they take their turns`() {
        var queue = self.queue(tx: true, size: 1)
        for number in 0..<6 { queue.add("full\(number)-", outputs: 1, now: 0) }
        var now: UInt64 = 0
        var tries: [String: Int] = [:]
        var passed = 0
        for round in 0..<400 {
            now += 50 * Self.ms
            var token = queue.add("good", outputs: 1, now: now)
            for _ in 0..<100 {
                guard let step = queue.next(now: now, mayWait: false) else { break }
                queue.sent(step.token, now: now)
                if step.load == "good" {
                    queue.committed()
                    if queue.answered(step.token, .confirmed, now: now)?.load == "good" { passed += 1 }
                    if step.token == token { token = 0 }
                } else {
                    tries[step.load, default: 0] += 1
                    #expect(queue.channelEnded(isRefusal: true, now: now) == [])
                }
            }
            if round > 20 { #expect(token == 0, "round \(round): a good one waits") }
        }
        #expect(passed == 400)
        #expect(tries.count == 6)
        #expect(tries.values.allSatisfy { $0 > 2 && $0 < 40 }, "\(tries)")
    }

    @Test func `a drain takes out what waits, and what is on its way is answered first`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 1, now: 0)
        let second = queue.add("b", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0", "b0"])
        _ = queue.answered(first, .refused, now: 0)
        #expect(queue.hasRefused)
        #expect(queue.takeRefused() == ["a"])
        #expect(queue.count == 1)
        _ = queue.answered(second, .refused, now: 0)
        #expect(queue.takeRefused() == ["b"])
        #expect(queue.isEmpty)
        #expect(queue.refusedCount == 0)
        #expect(queue.deadline == nil)
    }

    @Test func `what goes again and finds no room is still to be sent`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0"])
        _ = queue.answered(first, .refused, now: 0)
        #expect(queue.next(now: 50 * Self.ms, mayWait: false)?.load == "a")  // not sent: there was no room
        #expect(queue.hasUnsent(now: 50 * Self.ms))
        #expect(queue.deadline == nil)
        #expect(self.send(&queue, now: 50 * Self.ms) == ["a0"])
        #expect(!queue.hasUnsent(now: 50 * Self.ms))
    }

    @Test func `of a group's time and the pause of what was refused the earlier one wakes`() {
        for (added, deadline): (UInt64, UInt64) in [(10, 30), (40, 50)] {
            var queue = Queue(.init(isTransactional: false, size: 2, timeout: 20 * Self.ms))
            let first = queue.add("a", outputs: 1, now: 0)
            #expect(self.send(&queue, now: 0) == ["a0"])
            _ = queue.answered(first, .refused, now: 0)
            queue.add("b", outputs: 1, now: added * Self.ms)
            #expect(queue.deadline == deadline * Self.ms)
        }
    }

    @Test func `channels that refusals end are a row only while nothing is accepted in between`() {
        var queue = self.queue(tx: true)
        for name in ["a", "b", "good", "c"] {
            let token = queue.add(name, outputs: 1, now: 0)
            #expect(self.send(&queue, now: 0) == ["\(name)0"])
            if name == "good" {
                queue.committed()
                #expect(queue.answered(token, .confirmed, now: 0)?.load == "good")
            } else {
                #expect(queue.channelEnded(isRefusal: true, now: 0) == [])
            }
        }
        queue.add("d", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 49 * Self.ms) == ["d0"])
    }

    @Test func `what waits for the first time when the pause is over goes before what ended a channel`() {
        var queue = self.queue(tx: true)
        queue.add("full", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 0) == ["full0"])
        #expect(queue.channelEnded(isRefusal: true, now: 0) == [])
        var order: [String] = []
        for name in ["a", "b"] { queue.add(name, outputs: 1, now: 50 * Self.ms) }
        for _ in 0..<3 {
            guard let step = queue.next(now: 50 * Self.ms, mayWait: false) else { break }
            order.append(step.load)
            queue.sent(step.token, now: 50 * Self.ms)
            queue.committed()
            _ = queue.answered(step.token, .confirmed, now: 50 * Self.ms)
        }
        #expect(order == ["a", "b", "full"])
    }
}
