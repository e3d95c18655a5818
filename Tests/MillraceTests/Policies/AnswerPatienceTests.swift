import Millrace
import Testing

/// How long an answer of the broker is waited for.
@Suite struct AnswerPatienceTests {
    private func isOver(_ patience: inout AnswerPatience, now: UInt64, oldest: UInt64?) -> Bool {
        patience.isOver(now: now) { oldest }
    }

    @Test func `it is over when the oldest has waited for the whole time, and no other`() {
        var patience = AnswerPatience(100)
        #expect(patience.deadline == nil)
        #expect(self.isOver(&patience, now: 1_000, oldest: 0) == false, "nothing was sent")
        patience.sent(now: 7)
        patience.sent(now: 50)
        #expect(patience.deadline == 107)
        #expect(self.isOver(&patience, now: 106, oldest: 7) == false)
        // The first one has been answered.
        #expect(self.isOver(&patience, now: 107, oldest: 50) == false)
        #expect(patience.deadline == 150)
        #expect(self.isOver(&patience, now: 150, oldest: 50) == true)
        // All have been answered.
        #expect(self.isOver(&patience, now: 200, oldest: nil) == false)
        #expect(patience.deadline == nil)
    }

    @Test func `each time in vain it is twice as long, up to an hour, until something is answered`() {
        var patience = AnswerPatience()
        var now: UInt64 = 0
        var waits: [UInt64] = []
        patience.sent(now: now)
        for _ in 0..<7 {
            let due = patience.deadline ?? 0
            waits.append((due - now) / 60_000_000_000)
            #expect(self.isOver(&patience, now: due, oldest: 0) == true)
            now = due
            patience.beganAgain(now: now)
        }
        #expect(waits == [2, 4, 8, 16, 32, 60, 60], "in minutes")
        patience.worked()
        #expect(patience.deadline == now + AnswerPatience.usual)
    }

    @Test func `what went again has its time anew, whenever it was sent first`() {
        var patience = AnswerPatience(100)
        patience.sent(now: 0)
        patience.beganAgain(now: 100)
        #expect(self.isOver(&patience, now: 299, oldest: 0) == false)
        #expect(self.isOver(&patience, now: 300, oldest: 0) == true)
    }
}
