import Millrace
import Testing

/// A suspect runs alone on its worker, and costs no other worker anything.
@Suite struct SeclusionTests {
    private static let start: UInt64 = 1_000_000_000_000

    private final class Line {
        private var seclusion = Seclusion()

        func mayBegin(deaths: UInt32?, now: UInt64) -> Bool { self.seclusion.mayBegin(deaths: deaths, now: now) }
        func begin(deaths: UInt32?, now: UInt64) { self.seclusion.begin(deaths: deaths, now: now) }
        func ended(wasSuspect: Bool) { self.seclusion.ended(wasSuspect: wasSuspect) }
        func channelEnded() { self.seclusion.channelEnded() }
    }

    @Test func `a suspect waits for what runs on its worker, and nothing begins beside it`() {
        let worker = Line()
        for _ in 0..<2 {
            #expect(worker.mayBegin(deaths: nil, now: Self.start))
            worker.begin(deaths: nil, now: Self.start)
        }
        #expect(!worker.mayBegin(deaths: 1, now: Self.start))
        worker.ended(wasSuspect: false)
        #expect(!worker.mayBegin(deaths: 1, now: Self.start))
        worker.ended(wasSuspect: false)
        #expect(worker.mayBegin(deaths: 1, now: Self.start))
        worker.begin(deaths: 1, now: Self.start)
        #expect(!worker.mayBegin(deaths: nil, now: Self.start))
        #expect(!worker.mayBegin(deaths: 1, now: Self.start))
        worker.ended(wasSuspect: true)
        #expect(worker.mayBegin(deaths: nil, now: Self.start))
    }

    @Test(arguments: [(1, 1), (2, 2), (3, 4), (100, 64)] as [(UInt32, UInt64)])
    func `a handler that never ends holds its worker up for so long, twice as long after each death`(
        deaths: UInt32,
        times: UInt64
    ) {
        let worker = Line()
        worker.begin(deaths: nil, now: Self.start)
        #expect(!worker.mayBegin(deaths: deaths, now: Self.start))
        let limit = Self.start + Seclusion.longestWait * times
        #expect(!worker.mayBegin(deaths: deaths, now: limit))
        #expect(worker.mayBegin(deaths: deaths, now: limit + 1))
        // A suspect that never ends neither.
        worker.begin(deaths: deaths, now: Self.start)
        #expect(!worker.mayBegin(deaths: nil, now: limit - 1))
        #expect(worker.mayBegin(deaths: nil, now: limit))
    }

    @Test func `the wait ends with the channel`() {
        let worker = Line()
        worker.begin(deaths: nil, now: Self.start)
        #expect(!worker.mayBegin(deaths: 1, now: Self.start))
        worker.channelEnded()
        #expect(!worker.mayBegin(deaths: 1, now: Self.start + Seclusion.longestWait + 1))
    }

    @Test func `each suspect has a wait of its own`() {
        let worker = Line()
        worker.begin(deaths: nil, now: Self.start)
        #expect(!worker.mayBegin(deaths: 1, now: Self.start))
        worker.ended(wasSuspect: false)
        worker.begin(deaths: 1, now: Self.start)
        worker.ended(wasSuspect: true)
        worker.begin(deaths: nil, now: Self.start)
        #expect(!worker.mayBegin(deaths: 1, now: Self.start + Seclusion.longestWait + 1))
    }

    @Test func `where a suspect had to begin beside another one, the end of that one lets nobody in`() {
        let worker = Line()
        let late = Self.start + Seclusion.longestWait + 1
        worker.begin(deaths: nil, now: Self.start)
        #expect(!worker.mayBegin(deaths: 1, now: Self.start))
        #expect(worker.mayBegin(deaths: 1, now: late))
        worker.begin(deaths: 1, now: late)
        worker.ended(wasSuspect: false)
        #expect(!worker.mayBegin(deaths: nil, now: late + 1))
        worker.ended(wasSuspect: true)
        #expect(worker.mayBegin(deaths: nil, now: late + 1))
    }
}
