import AMQPClient
import Millrace
import Testing

/// Outputs that the broker never answers.
@Suite struct SilentOutputTests {
    private typealias Queue = OutputQueue<String>

    private func queue(tx: Bool = false, size: Int = 1) -> Queue {
        OutputQueue(.init(isTransactional: tx, size: size, timeout: 0, patience: 100))
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

    @Test func `what has waited too long goes again on another channel, without what was accepted`() {
        var queue = self.queue()
        let token = queue.add("a", outputs: 2, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0", "a1"])
        _ = queue.answered(token, .confirmed, now: 1)
        #expect(queue.answerDeadline == 100)
        #expect(queue.renewal(now: 99) == .none)
        #expect(queue.renewal(now: 100) == .wait, "answers may be on their way")
        #expect(queue.answerDeadline == 100 + Queue.renewalPatience)
        let now = 100 + Queue.renewalPatience
        #expect(queue.renewal(now: now) == .renew)
        #expect(queue.wasSilent)
        queue.renewed(true)
        #expect(self.send(&queue, now: now) == ["a1"])
        #expect(queue.answerDeadline == now + 200, "twice as long")
        #expect(queue.answered(token + 1, .confirmed, now: now)?.load == "a")
        #expect(queue.isEmpty && queue.answerDeadline == nil && queue.deadline == nil)
    }

    @Test func `one that waits is found among many that are answered`() {
        var queue = self.queue()
        let mute = queue.add("mute", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 0) == ["mute0"])
        for now in UInt64(1)...99 {
            let token = queue.add("good", outputs: 1, now: now)
            #expect(self.send(&queue, now: now) == ["good0"])
            #expect(queue.answered(token, .confirmed, now: now)?.load == "good")
            #expect(queue.renewal(now: now) == .none)
        }
        #expect(queue.renewal(now: 100) == .wait)
        // It comes after all: nobody waits any more, and nothing wakes anybody.
        #expect(queue.answered(mute, .confirmed, now: 101)?.load == "mute")
        #expect(queue.renewal(now: 102) == .none)
        #expect(queue.deadline == nil && queue.answerDeadline == nil)
    }

    @Test func `a commit without an answer: each input goes again, alone and whole, and nobody is at fault`() {
        var queue = self.queue(tx: true, size: 2)
        for name in ["a", "b"] { queue.add(name, outputs: 2, now: 0) }
        #expect(self.send(&queue, now: 0) == ["a0", "a1", "b0", "b1"])
        #expect(queue.mustCommit)
        #expect(queue.renewal(now: 100) == .wait)
        let now = 100 + Queue.renewalPatience
        #expect(queue.renewal(now: now) == .renew)
        queue.renewed(true)
        #expect(!queue.mustCommit)
        #expect(self.send(&queue, now: now) == ["a0", "a1"])
        #expect(queue.mustCommit)
        // That one is not answered either.
        #expect(queue.renewal(now: now + 200) == .wait)
        #expect(queue.renewal(now: now + 200 + Queue.renewalPatience) == .renew)
        queue.renewed(true)
        #expect(queue.count == 2)
        #expect(self.send(&queue, now: now + 200 + Queue.renewalPatience).count == 2)
    }

    @Test func `where no other channel can be had it waits on, for twice the time`() {
        var queue = self.queue()
        queue.add("a", outputs: 1, now: 0)
        #expect(self.send(&queue, now: 0) == ["a0"])
        _ = queue.renewal(now: 100)
        let now = 100 + Queue.renewalPatience
        #expect(queue.renewal(now: now) == .renew)
        queue.renewed(false)
        #expect(self.send(&queue, now: now) == [])
        #expect(queue.answerDeadline == now + 200)
        #expect(queue.renewal(now: now + 199) == .none)
    }
}
