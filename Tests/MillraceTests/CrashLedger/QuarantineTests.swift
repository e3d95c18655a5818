import Millrace
import Testing

/// A suspect runs alone, and nobody waits for ever.
@Suite struct QuarantineTests {
    private static let start: UInt64 = 1_000_000_000_000

    @Test func `a suspect waits until nothing is in hand, and nothing begins before it has ended`() {
        var quarantine = Quarantine()
        let now = Self.start
        #expect(quarantine.begin(isSuspect: false, worker: 1, now: now) == .begin)
        #expect(quarantine.begin(isSuspect: true, worker: 2, now: now) == .wait)
        #expect(quarantine.begin(isSuspect: false, worker: 3, now: now) == .wait)
        quarantine.ended(by: 1)
        #expect(quarantine.begin(isSuspect: true, worker: 4, now: now) == .wait)
        #expect(quarantine.begin(isSuspect: true, worker: 2, now: now) == .begin)
        #expect(quarantine.begin(isSuspect: false, worker: 1, now: now) == .wait)
        #expect(quarantine.begin(isSuspect: true, worker: 4, now: now) == .wait)
        quarantine.ended(by: 2)
        #expect(quarantine.begin(isSuspect: true, worker: 4, now: now) == .begin)
        quarantine.ended(by: 4)
        #expect(quarantine.begin(isSuspect: false, worker: 1, now: now) == .begin)
        #expect(quarantine.inHand == 1)
    }

    @Test func `a worker that asks no more, because its channel ended, holds nobody up`() {
        var quarantine = Quarantine()
        #expect(quarantine.begin(isSuspect: false, worker: 1, now: Self.start) == .begin)
        #expect(quarantine.begin(isSuspect: true, worker: 2, now: Self.start) == .wait)
        let later = Self.start + Quarantine.claimLife + 1
        #expect(quarantine.begin(isSuspect: false, worker: 3, now: later) == .begin)
    }

    @Test func `others wait for suspects for ten seconds in all, then everybody runs`() {
        var quarantine = Quarantine()
        #expect(quarantine.begin(isSuspect: true, worker: 1, now: Self.start) == .begin)
        #expect(quarantine.begin(isSuspect: false, worker: 2, now: Self.start + Quarantine.longestStall) == .wait)
        let over = Self.start + Quarantine.longestStall + 1
        #expect(quarantine.begin(isSuspect: false, worker: 2, now: over) == .begin)
        #expect(quarantine.begin(isSuspect: true, worker: 3, now: over) == .begin)
        #expect(quarantine.isOver(now: over))
    }

    @Test func `after each death others wait twice as long: until the longest handler has ended in time`() {
        for (deaths, times) in [(1, 1), (2, 2), (3, 4), (7, 64), (8, 64), (.max, 64)] as [(UInt32, UInt64)] {
            var quarantine = Quarantine(deaths: deaths)
            #expect(quarantine.begin(isSuspect: true, worker: 1, now: Self.start) == .begin)
            #expect(!quarantine.isOver(now: Self.start + Quarantine.longestStall * times), "\(deaths)")
            #expect(quarantine.isOver(now: Self.start + Quarantine.longestStall * times + 1), "\(deaths)")
        }
    }

    @Test func `suspects that do not come are waited for no longer than a minute`() {
        var quarantine = Quarantine()
        #expect(quarantine.begin(isSuspect: false, worker: 1, now: Self.start) == .begin)
        #expect(!quarantine.isOver(now: Self.start + Quarantine.longestWait))
        #expect(quarantine.isOver(now: Self.start + Quarantine.longestWait + 1))
    }

    @Test func `one suspect after the other: others wait for all of them together`() {
        var quarantine = Quarantine()
        for worker in 1...5 {
            let now = Self.start + UInt64(worker - 1) * Quarantine.longestStall / 4
            #expect(quarantine.begin(isSuspect: true, worker: worker, now: now) == .begin)
            #expect(quarantine.begin(isSuspect: false, worker: 9, now: now) == .wait)
            quarantine.ended(by: worker)
        }
        #expect(quarantine.isOver(now: Self.start + Quarantine.longestStall + 1))
    }
}
