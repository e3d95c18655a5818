import Millrace
import Testing

/// A service is away for a minute, a thousand messages are queued, and four threads are at it, in virtual time.
@Suite struct OutageTests {
    private struct Run {
        static let second: UInt64 = 1_000_000_000
        static let outage = 60 * Self.second
        var circuit: Circuit
        let handlerHolds: Bool
        let time: UInt64
        var queued = 1000
        var attempts = 0
        var done = 0

        /// Each thread takes one message after the other, as long as it may.
        mutating func run(until end: UInt64) {
            // When each ends what it has in hand, and the epoch of its worker.
            var threads: [(ends: UInt64, epoch: Int)] = []
            var now: UInt64 = 0
            while now < end, self.queued > 0 || !threads.isEmpty {
                _ = self.circuit.advance(now: now)
                while threads.count < self.circuit.threads(of: 4), self.queued > 0 {
                    self.queued -= 1
                    threads.append((now + self.time, self.circuit.epoch))
                }
                let next = [threads.map(\.ends).min(), self.circuit.wake].compactMap(\.self).min() ?? end
                now = max(now, next)
                for thread in threads where thread.ends <= now { self.finish(thread.epoch, now) }
                threads.removeAll { $0.ends <= now }
            }
        }

        private mutating func finish(_ epoch: Int, _ now: UInt64) {
            if now >= Self.outage {
                self.done += 1
                self.circuit.succeeded(epoch: epoch)
            } else if self.handlerHolds {
                _ = self.circuit.hold(for: 10 * Self.second, reason: "503", now: now)
                self.queued += 1
            } else {
                self.attempts += 1
                _ = self.circuit.failed("503", epoch: epoch, now: now)
            }
        }
    }

    @Test(arguments: [1_000_000, 50_000_000, 2_000_000_000] as [UInt64])
    func `with a circuit at most 30 messages use an attempt, and the others are done afterwards`(time: UInt64) {
        let settings = CircuitSettings(failures: 5, within: .seconds(10), pause: .seconds(5))
        var run = Run(circuit: Circuit(settings), handlerHolds: false, time: time)
        run.run(until: 3600 * Run.second)
        #expect(run.attempts <= 30 && run.attempts >= 5 && run.done == 1000 - run.attempts, "\(run.attempts)")
    }

    @Test(arguments: [1_000_000, 50_000_000, 2_000_000_000] as [UInt64])
    func `with a handler that holds its job none does`(time: UInt64) {
        var run = Run(circuit: Circuit(nil), handlerHolds: true, time: time)
        run.run(until: 3600 * Run.second)
        #expect(run.attempts == 0 && run.done == 1000)
    }

    @Test func `without either all of them do`() {
        var run = Run(circuit: Circuit(nil), handlerHolds: false, time: 50_000_000)
        run.run(until: 3600 * Run.second)
        #expect(run.attempts == 1000)
    }
}
