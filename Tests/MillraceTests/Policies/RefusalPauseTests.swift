import Millrace
import Testing

/// How long what was refused waits.
@Suite struct RefusalPauseTests {
    private static let ms: UInt64 = 1_000_000

    /// Refuses, waits, and sends again; gives the waits in milliseconds.
    private func waits(_ pause: inout RefusalPause, _ rounds: Int, now: inout UInt64, isNew: Bool = true) -> [UInt64] {
        (0..<rounds).map { round in
            pause.refused(again: round > 0 || !isNew, now: now)
            let until = pause.until ?? now
            defer {
                now = until
                pause.released()
            }
            return (until - now) / Self.ms
        }
    }

    @Test func `it doubles while nothing is accepted, up to five seconds`() {
        var pause = RefusalPause()
        var now: UInt64 = 7
        #expect(self.waits(&pause, 10, now: &now) == [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
    }

    @Test func `many refusals at once are one, and do not put it off`() {
        var pause = RefusalPause()
        pause.refused(again: false, now: 0)
        for time in 1...40 { pause.refused(again: true, now: UInt64(time) * Self.ms) }
        #expect(pause.until == 50 * Self.ms)
        #expect(!pause.isOver(now: 50 * Self.ms - 1))
        #expect(pause.isOver(now: 50 * Self.ms))
        pause.released()
        #expect(!pause.isOver(now: .max))
    }

    @Test func `some room: it gets neither longer nor shorter; all accepted: shorter`() {
        var pause = RefusalPause()
        var now: UInt64 = 0
        _ = self.waits(&pause, 5, now: &now)
        #expect(pause.suspectsChannel)
        pause.refused(again: true, now: now)
        for _ in 0..<9 { pause.accepted() }
        #expect(!pause.suspectsChannel)
        pause.released()
        #expect(self.waits(&pause, 1, now: &now, isNew: false) == [1600])
        for _ in 0..<20 {
            pause.accepted()
            pause.released()
        }
        #expect(self.waits(&pause, 1, now: &now) == [50])
    }

    @Test func `the channel is suspected once what went again on it was refused again`() {
        var pause = RefusalPause()
        pause.refused(again: false, now: 0)
        #expect(!pause.suspectsChannel)
        pause.released()
        pause.refused(again: false, now: 0)
        #expect(!pause.suspectsChannel)
        pause.refused(again: true, now: 0)
        #expect(pause.suspectsChannel)
    }
}
