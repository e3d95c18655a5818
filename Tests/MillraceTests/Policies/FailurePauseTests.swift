import Millrace
import Testing

/// How a worker slows down that fails again and again.
@Suite struct FailurePauseTests {
    private static let ms: UInt64 = 1_000_000

    enum Kind: CaseIterable, Sendable { case requeue, copy }

    private func fail(_ pause: inout FailurePause, _ kind: Kind, now: UInt64) -> UInt64 {
        switch kind {
        case .requeue: pause.requeued(now: now)
        case .copy: pause.copyRefused(now: now)
        }
    }

    /// Fails each time as soon as the pause is over; gives the pauses in milliseconds.
    private func pauses(_ pause: inout FailurePause, _ kind: Kind, _ count: Int, now: inout UInt64) -> [UInt64] {
        (0..<count).map { _ in
            let until = self.fail(&pause, kind, now: now)
            defer { now = until }
            return (until - now) / Self.ms
        }
    }

    @Test(arguments: Kind.allCases) func `it doubles with each failure in a row, up to a second`(kind: Kind) {
        var pause = FailurePause()
        var now: UInt64 = 12345
        #expect(
            self.pauses(&pause, kind, 10, now: &now) == [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]
        )
    }

    @Test(arguments: Kind.allCases) func `failures of one moment are one, and put nothing off`(kind: Kind) {
        var pause = FailurePause()
        let until = self.fail(&pause, kind, now: 1000)
        #expect(until == 1000 + 10 * Self.ms)
        for _ in 0..<50 { #expect(self.fail(&pause, kind, now: 2000) == until) }
        #expect(self.fail(&pause, kind, now: until) == until + 20 * Self.ms)
    }

    @Test func `a message that went well ends the row of requeues, and says nothing about copies`() {
        var pause = FailurePause()
        var now: UInt64 = 0
        #expect(self.pauses(&pause, .requeue, 3, now: &now) == [10, 20, 40])
        #expect(self.pauses(&pause, .copy, 3, now: &now) == [10, 20, 40])
        pause.succeeded()
        #expect(self.pauses(&pause, .requeue, 2, now: &now) == [10, 20])
        #expect(self.pauses(&pause, .copy, 1, now: &now) == [80])
        pause.copyConfirmed()
        #expect(self.pauses(&pause, .copy, 1, now: &now) == [10])
        #expect(self.pauses(&pause, .requeue, 1, now: &now) == [40])
    }

    @Test(arguments: Kind.allCases) func `what failed long ago is no row`(kind: Kind) {
        var pause = FailurePause()
        var now: UInt64 = 0
        #expect(self.pauses(&pause, kind, 4, now: &now) == [10, 20, 40, 80])
        now += FailurePause.memory
        #expect(self.pauses(&pause, kind, 1, now: &now) == [160])
        now += FailurePause.memory + 1
        #expect(self.pauses(&pause, kind, 1, now: &now) == [10])
    }

    @Test(arguments: Kind.allCases) func `however many fail in a row, the pause stays a second`(kind: Kind) {
        var pause = FailurePause()
        var now: UInt64 = 0
        #expect(self.pauses(&pause, kind, 300, now: &now).dropFirst(7).allSatisfy { $0 == 1000 })
    }
}
