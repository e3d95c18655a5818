import Millrace
import Testing

/// A queue, its supervisors and their threads, second by second.
private struct Mill {
    var backlog = 0.0
    /// Seconds in a handler, by how many threads there are in all.
    var handlerTime: (Int) -> Double
    var supervisors: [(scaler: ThreadScaler, threads: Int, settled: Double, busy: Double)]
    var second = 0
    private(set) var changes = 0
    private(set) var reasons: [String] = []

    init(_ settings: ThreadScaling, supervisors: Int = 1, handlerTime: @escaping (Int) -> Double) {
        self.handlerTime = handlerTime
        self.supervisors = (0..<supervisors).map { _ in (ThreadScaler(settings), settings.min, 0, 0) }
    }

    var threads: Int { self.supervisors.reduce(0) { $0 + $1.threads } }

    mutating func run(_ seconds: Int, arrivals: (Int) -> Double) {
        for _ in 0..<seconds {
            self.second += 1
            let time = self.handlerTime(self.threads)
            let capacity = Double(self.threads) / time
            let waiting = self.backlog + arrivals(self.second)
            let done = min(capacity, waiting)
            self.backlog = waiting - done
            for index in self.supervisors.indices {
                let part = done * Double(self.supervisors[index].threads) / Double(self.threads)
                self.supervisors[index].settled += part
                self.supervisors[index].busy += part * time
            }
            if self.second % 5 == 0 { self.decide() }
        }
    }

    private mutating func decide() {
        let all = self.threads
        for index in self.supervisors.indices {
            let reading = ThreadScaler.Reading(
                now: UInt64(self.second) * 1_000_000_000,
                threads: self.supervisors[index].threads,
                settled: Int(self.supervisors[index].settled),
                busy: UInt64(self.supervisors[index].busy * 1e9),
                backlog: Int(self.backlog),
                share: Double(self.supervisors[index].threads) / Double(all)
            )
            let decision = self.supervisors[index].scaler.decide(reading)
            if decision.threads != self.supervisors[index].threads { self.changes += 1 }
            if let reason = decision.reason { self.reasons.append(reason) }
            self.supervisors[index].threads = decision.threads
        }
    }

    mutating func forgetChanges() { self.changes = 0 }
}

@Suite struct ThreadScalerTests {
    private static let settings = ThreadScaling(min: 2, max: 64)

    @Test func `under a constant load it settles, and then changes nothing`() {
        var mill = Mill(Self.settings) { _ in 0.1 }
        mill.run(900) { _ in 100 }
        #expect((13...16).contains(mill.threads), "100/s × 0.1 s / 0.8 is 12.5: \(mill.threads)")
        #expect(mill.backlog < 100)
        mill.forgetChanges()
        mill.run(1800) { _ in 100 }
        #expect(mill.changes == 0)
    }

    @Test func `a step is followed in few steps, never beyond the most`() {
        var mill = Mill(ThreadScaling(min: 2, max: 16)) { _ in 0.1 }
        mill.run(300) { _ in 10 }
        #expect(mill.threads == 2)
        mill.forgetChanges()
        var most = 0
        for _ in 0..<60 {
            mill.run(5) { _ in 100 }
            most = max(most, mill.threads)
        }
        #expect(most <= 16 && mill.threads >= 13)
        #expect(mill.changes <= 3, "2, 4, 8, 16: \(mill.changes)")
    }

    @Test func `a sawtooth does not make it bounce`() {
        var mill = Mill(Self.settings) { _ in 0.1 }
        let load: (Int) -> Double = { second in Double(second % 120) * 2 }
        mill.run(1200, arrivals: load)
        mill.forgetChanges()
        mill.run(1200, arrivals: load)
        #expect(mill.changes <= 10, "at most one in each of ten periods: \(mill.changes)")
    }

    @Test func `it comes down slowly, one by one, when the load is gone`() {
        var mill = Mill(Self.settings) { _ in 0.1 }
        mill.run(600) { _ in 100 }
        let before = mill.threads
        mill.run(200) { _ in 0 }
        #expect(mill.threads == before, "five minutes have to be calm first")
        mill.run(120) { _ in 0 }
        #expect(mill.threads < before)
        mill.run(900) { _ in 0 }
        #expect(mill.threads == 2)
    }

    @Test func `where more threads do not help it says so, and stops`() {
        // The downstream takes 50 in a second, however many ask.
        var mill = Mill(Self.settings) { threads in max(0.1, Double(threads) / 50) }
        mill.run(120) { _ in 200 }
        #expect(mill.threads <= 32, "\(mill.threads)")
        #expect(mill.reasons.contains { $0.hasPrefix("more threads do not help: handler time ") }, "\(mill.reasons)")
        let frozen = mill.threads
        mill.run(120) { _ in 200 }
        #expect(mill.threads == frozen)
    }

    @Test func `three supervisors on one queue choose together what one would choose`() {
        var mill = Mill(Self.settings, supervisors: 3) { _ in 0.1 }
        mill.run(1800) { _ in 100 }
        // 100/s × 0.1 s / 0.8 is 12.5.
        #expect((10...14).contains(mill.threads), "\(mill.supervisors.map(\.threads))")
        mill.forgetChanges()
        mill.run(1800) { _ in 100 }
        #expect(mill.changes == 0)
        #expect(mill.backlog < 100)
    }

    @Test func `a backlog is worked off in the time that it may take`() {
        var mill = Mill(ThreadScaling(min: 1, max: 100, targetWait: .seconds(60))) { _ in 0.5 }
        mill.backlog = 6000
        mill.run(300) { _ in 1 }
        #expect(mill.backlog < 10, "\(mill.backlog)")
    }

    @Test func `long handlers: while all are busy and messages wait it doubles, though nothing is known yet`() {
        var scaler = ThreadScaler(ThreadScaling(min: 1, max: 8))
        var threads = 1
        for second in stride(from: 5, through: 60, by: 5) {
            let reading = ThreadScaler.Reading(
                now: UInt64(second) * 1_000_000_000,
                threads: threads,
                settled: 0,
                busy: UInt64(second) * 8_000_000_000,
                backlog: 50,
                share: 1
            )
            threads = scaler.decide(reading).threads
        }
        #expect(threads == 8)
    }

    @Test func `threads that are busy without an outcome stay, those that are not go`() {
        for (busy, expected) in [(4, 5), (2, 3), (0, 1)] {
            var scaler = ThreadScaler(ThreadScaling(min: 1, max: 8))
            var threads = 4
            for second in 1...400 {
                let reading = ThreadScaler.Reading(
                    now: UInt64(second) * 5_000_000_000,
                    threads: threads,
                    settled: 0,
                    busy: UInt64(second * busy) * 5_000_000_000,
                    backlog: 0,
                    share: 1
                )
                threads = scaler.decide(reading).threads
            }
            #expect(threads == expected, "\(busy) busy")
        }
    }

    @Test(arguments: [1, 5, 7, 40]) func `readings may be further apart than the time that has to be calm`(_ apart: Int)
    {
        var scaler = ThreadScaler(ThreadScaling(min: 1, max: 8, shrinkAfter: .seconds(2)))
        var threads = 4
        for second in stride(from: apart, through: 400, by: apart) {
            let now = UInt64(second) * 1_000_000_000
            threads =
                scaler.decide(.init(now: now, threads: threads, settled: 0, busy: 0, backlog: 0, share: 1)).threads
        }
        #expect(threads == 1)
    }

    @Test func `other limits hold at once`() {
        var scaler = ThreadScaler(ThreadScaling(min: 1, max: 8))
        func reading(_ threads: Int) -> ThreadScaler.Reading {
            .init(now: 1, threads: threads, settled: 0, busy: 0, backlog: 0, share: 1)
        }
        #expect(scaler.decide(reading(20)).threads == 8)
        scaler.change(ThreadScaling(min: 3, max: 5))
        #expect(scaler.decide(reading(1)).threads == 3)
        #expect(scaler.decide(reading(8)).threads == 5)
    }
}
