import AMQPClient
import Millrace
import Testing

/// Which outputs go out when, and who is at fault; no broker, no clock.
@Suite struct OutputQueueTests {
    private typealias Queue = OutputQueue<String>

    private func queue(tx: Bool = false, size: Int = 1, timeout: UInt64 = 0) -> Queue {
        OutputQueue(.init(isTransactional: tx, size: size, timeout: timeout))
    }

    /// Sends all that may go; gives the inputs' names, once for each output.
    private func send(_ queue: inout Queue, now: UInt64 = 0, mayWait: Bool = true) -> [String] {
        var sent: [String] = []
        while sent.count < 100, let step = queue.next(now: now, mayWait: mayWait) {
            sent.append(step.load)
            queue.sent(step.token, now: now)
        }
        return sent
    }

    /// The token of an input's output.
    private func token(_ first: UInt64, _ place: UInt64) -> UInt64 { first + place }

    @Test func `each input goes at once when there is no batch, and ends with its last answer`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 2, now: 0)
        #expect(queue.isFull)
        #expect(self.send(&queue) == ["a", "a"])
        let second = queue.add("b", outputs: 1, now: 0)
        #expect(self.send(&queue) == ["b"])
        #expect(queue.answered(first, .confirmed, now: 0)?.load == nil)
        let b = queue.answered(second, .confirmed, now: 0)
        #expect(b?.load == "b")
        #expect(b?.isReturned == false)
        #expect(queue.answered(self.token(first, 1), .returned, now: 0)?.isReturned == true)
        #expect(queue.isEmpty)
    }

    @Test func `a batch waits until it is full, its time is over, or nothing more can come`() {
        var queue = self.queue(size: 3, timeout: 100)
        queue.add("a", outputs: 1, now: 10)
        queue.add("b", outputs: 1, now: 50)
        #expect(self.send(&queue, now: 60) == [])
        #expect(queue.deadline == 110)
        queue.add("c", outputs: 1, now: 60)
        #expect(self.send(&queue, now: 60) == ["a", "b", "c"])
        #expect(queue.deadline == nil)
        queue.add("d", outputs: 1, now: 200)
        #expect(self.send(&queue, now: 299) == [])
        #expect(self.send(&queue, now: 300) == ["d"])
        queue.add("e", outputs: 1, now: 400)
        #expect(self.send(&queue, now: 400, mayWait: false) == ["e"])
    }

    @Test func `confirms are pipelined: a second batch does not wait for the answers of the first`() {
        var queue = self.queue(size: 2, timeout: 100)
        for name in ["a", "b", "c", "d", "e"] { queue.add(name, outputs: 1, now: 0) }
        #expect(self.send(&queue) == ["a", "b", "c", "d"])
        #expect(!queue.mustCommit)
    }

    @Test func `transactions follow one another: a group waits for the commit of the one before`() {
        var queue = self.queue(tx: true, size: 2)
        for name in ["a", "b", "c"] { queue.add(name, outputs: 2, now: 0) }
        #expect(self.send(&queue) == ["a", "a", "b", "b"])
        #expect(queue.mustCommit)
        #expect(self.send(&queue, mayWait: false) == [])
        queue.committed()
        #expect(!queue.mustCommit)
        #expect(self.send(&queue) == ["c", "c"])
        #expect(queue.mustCommit)
    }

    @Test func `an input that stays in the middle for want of room goes on where it was`() {
        var queue = self.queue(tx: true, size: 2)
        let token = queue.add("a", outputs: 2, now: 0)
        queue.add("b", outputs: 1, now: 0)
        #expect(queue.next(now: 0, mayWait: true)?.index == 0)
        #expect(queue.next(now: 0, mayWait: true)?.index == 0)  // not sent yet
        queue.sent(token, now: 0)
        #expect(queue.next(now: 0, mayWait: true)?.index == 1)
        #expect(queue.deadline == nil)
        #expect(self.send(&queue) == ["a", "b"])
    }

    @Test(arguments: [false, true])
    func `when the channel ends each input goes alone, and the one that ends it again is at fault`(tx: Bool) {
        var queue = self.queue(tx: tx, size: 3)
        var tokens: [String: UInt64] = [:]
        for name in ["a", "b", "c"] { tokens[name] = queue.add(name, outputs: 1, now: 0) }
        #expect(self.send(&queue) == ["a", "b", "c"])
        #expect(queue.answered(tokens["a"] ?? 0, .unknown, now: 0)?.load == nil)
        #expect(queue.channelEnded(isRefusal: false, now: 0) == [])
        queue.add("late", outputs: 1, now: 0)

        #expect(self.send(&queue, mayWait: false) == ["a"])
        queue.committed()
        #expect(queue.answered(tokens["a"] ?? 0, .confirmed, now: 0)?.isReturned == false)
        #expect(self.send(&queue, mayWait: false) == ["b"])
        #expect(queue.channelEnded(isRefusal: false, now: 0) == ["b"])
        #expect(self.send(&queue, mayWait: false) == ["c"])
        queue.committed()
        #expect(queue.answered(tokens["c"] ?? 0, .confirmed, now: 0)?.load == "c")
        #expect(self.send(&queue, mayWait: false) == ["late"])
    }

    @Test func `an input that was alone on the channel is at fault at once`() {
        var queue = self.queue(tx: true, size: 100)
        queue.add("a", outputs: 3, now: 0)
        #expect(self.send(&queue) == ["a", "a", "a"])
        #expect(queue.channelEnded(isRefusal: false, now: 0) == ["a"])
        #expect(queue.isEmpty)
        #expect(!queue.mustCommit)
    }

    @Test func `the end of the channel in the middle of an input: it is not sent twice by half`() {
        var queue = self.queue(size: 2)
        let first = queue.add("a", outputs: 1, now: 0)
        let half = queue.add("b", outputs: 2, now: 0)
        #expect(self.sendOne(&queue) == "a")
        #expect(self.sendOne(&queue) == "b")
        #expect(queue.channelEnded(isRefusal: false, now: 0) == [])
        #expect(self.sendOne(&queue) == "a")
        #expect(queue.next(now: 0, mayWait: false)?.load == nil)  // a is alone
        #expect(queue.answered(first, .confirmed, now: 0)?.load == "a")
        #expect(self.send(&queue) == ["b", "b"])
        #expect(queue.answered(half, .confirmed, now: 0)?.load == nil)
        #expect(queue.answered(self.token(half, 1), .confirmed, now: 0)?.load == "b")
        #expect(queue.isEmpty)
    }

    private func sendOne(_ queue: inout Queue) -> String? {
        guard let step = queue.next(now: 0, mayWait: false) else { return nil }
        queue.sent(step.token, now: 0)
        return step.load
    }

    @Test func `one that can not be published leaves the line, and the others of its group go on`() {
        var queue = self.queue(tx: true, size: 3)
        for name in ["a", "b", "c"] { queue.add(name, outputs: 1, now: 0) }
        let step = queue.next(now: 0, mayWait: true)
        #expect(queue.remove(step?.token ?? 0) == "a")
        #expect(self.send(&queue) == ["b", "c"])
        #expect(queue.mustCommit)
    }

    @Test func `late answers meet nothing once everything was given back`() {
        var queue = self.queue()
        let token = queue.add("a", outputs: 1, now: 0)
        queue.add("b", outputs: 1, now: 0)
        #expect(self.send(&queue) == ["a", "b"])
        #expect(queue.removeAll() == ["a", "b"])
        let next = queue.add("c", outputs: 1, now: 0)
        #expect(next != token)
        #expect(queue.answered(token, .confirmed, now: 0)?.load == nil)
        #expect(queue.count == 1)
    }

    @Test func `an input that goes alone and found no room is not forgotten`() {
        var queue = self.queue()
        let first = queue.add("a", outputs: 1, now: 0)
        queue.add("b", outputs: 1, now: 0)
        #expect(self.send(&queue) == ["a", "b"])
        #expect(queue.channelEnded(isRefusal: false, now: 0) == [])
        #expect(self.send(&queue) == ["a"])
        #expect(queue.answered(first, .confirmed, now: 0)?.load == "a")
        #expect(queue.next(now: 0, mayWait: false)?.load == "b")  // not sent: there was no room
        #expect(queue.hasUnsent(now: 0))
        #expect(queue.channelEnded(isRefusal: false, now: 0) == [])
        #expect(queue.hasUnsent(now: 0))
        #expect(self.send(&queue) == ["b"])
    }

    @Test func `outputs of inputs that have left may have ended the channel: a newer one is not blamed alone`() {
        var queue = self.queue()
        queue.add("gone", outputs: 1, now: 0)
        #expect(self.send(&queue) == ["gone"])
        #expect(queue.removeAll() == ["gone"])
        queue.add("b", outputs: 1, now: 0)
        #expect(self.send(&queue) == ["b"])
        #expect(queue.channelEnded(isRefusal: false, now: 0) == [])
        #expect(self.send(&queue) == ["b"])
        #expect(queue.channelEnded(isRefusal: false, now: 0) == ["b"])
    }
}
