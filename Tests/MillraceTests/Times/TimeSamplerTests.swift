import TestSupport
import Testing

@testable import Millrace

/// Which deliveries are timed, and what the samples say of all.
@Suite struct TimeSamplerTests {
    /// One after the other, as a worker with a sync handler does.
    private func run(_ sampler: inout TimeSampler, _ durations: [UInt64], eachTick count: Int = .max) -> Int {
        var timed = 0
        for (index, duration) in durations.enumerated() {
            let weight = sampler.next(now: UInt64(index / count))
            if weight > 0 {
                timed += 1
                sampler.ended(after: duration, weight: weight)
            } else {
                sampler.passed(after: duration)
            }
        }
        return timed
    }

    private func weights(_ sampler: TimeSampler) -> Int { sampler.samples.reduce(0) { $0 + Int($1.weight) } }

    @Test func `of short handlers within a tick one in 256 is timed, and stands for 256`() {
        var sampler = TimeSampler(seed: 7)
        let timed = self.run(&sampler, Array(repeating: 2000, count: 1_000_000))
        #expect((3700...4100).contains(timed), "\(timed)")
        #expect(self.weights(sampler) == timed * 256 - 255, "but the first, which was no choice")
    }

    @Test func `the first of each tick is timed and stands for itself: all of them where few come`() {
        var sampler = TimeSampler(seed: 7)
        #expect(self.run(&sampler, Array(repeating: 2000, count: 1000), eachTick: 1) == 1000)
        #expect(sampler.samples.allSatisfy { $0.weight == 1 })
        var busy = TimeSampler(seed: 7)
        // Slow after each tick, as where caches are cold, and quick after that.
        let durations = (0..<1_000_000).map { $0.isMultiple(of: 50) ? 9000 : 1000 as UInt64 }
        _ = self.run(&busy, durations, eachTick: 50)
        let slow = busy.samples.filter { $0.nanoseconds == 9000 }
        #expect(slow.count == 20_000 && slow.allSatisfy { $0.weight == 1 })
        #expect((920_000...1_040_000).contains(self.weights(busy) - 20_000), "\(self.weights(busy))")
    }

    @Test func `handlers of 20 µs and more are all timed`() {
        var sampler = TimeSampler(seed: 7)
        #expect(self.run(&sampler, Array(repeating: 20_000, count: 1000)) == 1000)
        #expect(sampler.samples.allSatisfy { $0.weight == 1 })
    }

    @Test func `each long one is seen once among many short ones, and counts once`() {
        var seed = Seed()
        var sampler = TimeSampler(seed: seed.next())
        let durations = (0..<1_000_000).map { _ in Int.random(in: 0..<1000, using: &seed) == 0 ? TimeSampler.long : 1000
        }
        _ = self.run(&sampler, durations)
        let long = sampler.samples.filter { $0.nanoseconds >= TimeSampler.long }
        #expect(long.count == durations.count { $0 >= TimeSampler.long }, "\(seed.replay)")
        #expect(long.allSatisfy { $0.weight == 1 })
        #expect(abs(self.weights(sampler) - durations.count) < durations.count / 10, "\(seed.replay)")
    }

    @Test func `a mix of short and middling ones is told in its proportion`() {
        var seed = Seed()
        var sampler = TimeSampler(seed: seed.next())
        // Also where the middling ones come in runs.
        var durations: [UInt64] = []
        while durations.count < 2_000_000 {
            let isShort = Bool.random(using: &seed)
            durations += Array(repeating: isShort ? 3000 : 50_000, count: Int.random(in: 1...60, using: &seed))
        }
        _ = self.run(&sampler, durations)
        let share = Double(durations.count { $0 == 3000 }) / Double(durations.count)
        let short = sampler.samples.filter { $0.nanoseconds == 3000 }.reduce(0) { $0 + Int($1.weight) }
        let told = Double(short) / Double(self.weights(sampler))
        #expect(abs(told - share) < 0.02, "\(told) for \(share), \(seed.replay)")
    }

    @Test func `a pattern does not hide from the samples`() {
        var sampler = TimeSampler(seed: 7)
        _ = self.run(&sampler, (0..<2_560_000).map { $0.isMultiple(of: 64) ? 10_000 : 1000 })
        let slow = sampler.samples.filter { $0.nanoseconds == 10_000 }.reduce(0) { $0 + Int($1.weight) }
        #expect((34_000...46_000).contains(slow), "\(slow)")
    }

    @Test func `tasks side by side count as many as they are`() {
        var sampler = TimeSampler(seed: 7)
        for round in 0..<20_000 {
            let weights = (0..<50).map { _ in sampler.next(now: 1) }
            for weight in weights {
                let time: UInt64 = round.isMultiple(of: 10) ? 200_000_000 : 5000
                if weight > 0 { sampler.ended(after: time, weight: weight) } else { sampler.passed(after: time) }
            }
        }
        #expect((920_000...1_080_000).contains(self.weights(sampler)), "\(self.weights(sampler))")
        #expect(sampler.samples.filter { $0.nanoseconds == 200_000_000 }.count == 100_000)
    }
}
