import AMQPCore
import AMQPWire
import TestSupport
import Testing

/// When which broker is tried, without a clock and without a broker.
@Suite struct RecoveryScheduleTests {
    private static let ms: UInt64 = 1_000_000
    private static let settings = RecoverySettings(
        initialInterval: .milliseconds(100),
        multiplier: 2,
        maxInterval: .milliseconds(300),
        jitter: 0
    )
    private static let lost = AMQPError(.connectionLost, scope: .connection, text: "refused")
    private static let badLogin = AMQPError(.authenticationFailed, scope: .connection, text: "no")

    /// One whole round of failures; gives the endpoints in their order.
    private func failRound(
        _ schedule: inout RecoverySchedule,
        _ count: Int,
        now: UInt64,
        _ seed: inout Seed
    ) -> [Int] {
        var order: [Int] = []
        for _ in 0..<count {
            guard case .attempt(let index) = schedule.next(now: now, using: &seed) else { return order }
            order.append(index)
            #expect(schedule.failed(Self.lost, now: now, using: &seed) == .tryOn)
        }
        return order
    }

    @Test func `a round tries every endpoint once, in an order that changes`() {
        var seed = Seed()
        var schedule = RecoverySchedule(endpointCount: 5, settings: Self.settings)
        var orders: Set<[Int]> = []
        var now: UInt64 = 0
        for _ in 0..<20 {
            let order = self.failRound(&schedule, 5, now: now, &seed)
            #expect(order.sorted() == [0, 1, 2, 3, 4], "\(seed.replay)")
            orders.insert(order)
            guard case .wait(let until) = schedule.next(now: now, using: &seed) else {
                Issue.record("no wait between two rounds")
                return
            }
            now = until
        }
        #expect(orders.count > 5, "\(seed.replay)")
    }

    @Test func `the waits between rounds double up to the longest, and start small after a success`() {
        var seed = Seed(1)
        var schedule = RecoverySchedule(endpointCount: 1, settings: Self.settings)
        var now: UInt64 = 5
        for wait in [100, 200, 300, 300] as [UInt64] {
            #expect(self.failRound(&schedule, 1, now: now, &seed) == [0])
            #expect(schedule.next(now: now, using: &seed) == .wait(until: now + wait * Self.ms))
            now += wait * Self.ms
        }
        #expect(schedule.next(now: now, using: &seed) == .attempt(0))
        schedule.connected(now: now)
        now += 1000 * Self.ms
        schedule.lost(now: now, using: &seed)
        // Lost: at once, then from the shortest wait on.
        #expect(self.failRound(&schedule, 1, now: now, &seed) == [0])
        #expect(schedule.next(now: now, using: &seed) == .wait(until: now + 100 * Self.ms))
    }

    @Test func `a connection that ends as soon as it is made counts as a failure, so that no broker is run against`() {
        var seed = Seed(1)
        var schedule = RecoverySchedule(endpointCount: 1, settings: Self.settings)
        var now: UInt64 = 0
        for wait in [100, 200, 300] as [UInt64] {
            #expect(schedule.next(now: now, using: &seed) == .attempt(0))
            schedule.connected(now: now)
            schedule.lost(now: now + Self.ms, using: &seed)
            now += Self.ms
            #expect(schedule.next(now: now, using: &seed) == .wait(until: now + wait * Self.ms))
            now += wait * Self.ms
        }
    }

    @Test func `bad credentials end the first round, after every endpoint had its chance`() {
        var seed = Seed(1)
        var schedule = RecoverySchedule(endpointCount: 3, settings: Self.settings)
        for error in [Self.badLogin, Self.lost] {
            guard case .attempt = schedule.next(now: 0, using: &seed) else { return #expect(Bool(false)) }
            #expect(schedule.failed(error, now: 0, using: &seed) == .tryOn)
        }
        guard case .attempt = schedule.next(now: 0, using: &seed) else { return #expect(Bool(false)) }
        #expect(schedule.failed(Self.lost, now: 0, using: &seed) == .giveUp(Self.badLogin))
    }

    @Test func `after a first success no refusal is final: an operator may be changing a password`() {
        var seed = Seed(1)
        var schedule = RecoverySchedule(endpointCount: 1, settings: Self.settings)
        #expect(schedule.next(now: 0, using: &seed) == .attempt(0))
        schedule.connected(now: 0)
        schedule.lost(now: 1000 * Self.ms, using: &seed)
        #expect(schedule.next(now: 1000 * Self.ms, using: &seed) == .attempt(0))
        #expect(schedule.failed(Self.badLogin, now: 1000 * Self.ms, using: &seed) == .tryOn)
    }

    @Test func `a broker that is not there yet is waited for, unless the caller wants it at once`() {
        var seed = Seed(1)
        var patient = RecoverySchedule(endpointCount: 1, settings: Self.settings)
        #expect(self.failRound(&patient, 1, now: 0, &seed) == [0])
        var hasty = RecoverySchedule(endpointCount: 1, settings: Self.settings, mustConnectAtOnce: true)
        #expect(hasty.next(now: 0, using: &seed) == .attempt(0))
        #expect(hasty.failed(Self.lost, now: 0, using: &seed) == .giveUp(Self.lost))
    }

    @Test func `the jitter spreads a wait by its share, to both sides`() {
        let settings = RecoverySettings(initialInterval: .milliseconds(100), jitter: 0.2)
        for (random, wait) in [(0, 80), (0.5, 100), (1, 120)] as [(Double, UInt64)] {
            var backoff = Backoff(settings)
            #expect(backoff.next(random: random) == wait * Self.ms)
        }
    }

    @Test func `where user and virtual host are known to be right, a refusal is never the end`() {
        var seed = Seed()
        var schedule = RecoverySchedule(endpointCount: 1, settings: Self.settings, givesUp: false)
        var now: UInt64 = 0
        for wait: UInt64 in [100, 200, 300, 300] {
            #expect(schedule.next(now: now, using: &seed) == .attempt(0))
            #expect(schedule.failed(Self.badLogin, now: now, using: &seed) == .tryOn)
            #expect(schedule.next(now: now, using: &seed) == .wait(until: now + wait * Self.ms))
            now += wait * Self.ms
        }
    }

    @Test func `a connection limit that is reached is no refusal for good`() {
        var seed = Seed()
        var schedule = RecoverySchedule(endpointCount: 1, settings: Self.settings)
        let text =
            "NOT_ALLOWED - access to vhost 'v' refused for user 'guest': connection limit (1) is reached"
        let full = AMQPError(closeCode: .notAllowed, text: text, classID: 10, methodID: 40, scope: .connection)
        _ = schedule.next(now: 0, using: &seed)
        #expect(schedule.failed(full, now: 0, using: &seed) == .tryOn)
    }

    @Test func `after a connection was lost a whole round is tried, also those that failed before it`() {
        var seed = Seed()
        var schedule = RecoverySchedule(endpointCount: 3, settings: Self.settings)
        #expect(self.failRound(&schedule, 1, now: 0, &seed).count == 1)
        guard case .attempt = schedule.next(now: 0, using: &seed) else { return #expect(Bool(false)) }
        schedule.connected(now: 0)
        // It lived for exactly as long as counts.
        schedule.lost(now: 100 * Self.ms, using: &seed)
        #expect(self.failRound(&schedule, 3, now: 100 * Self.ms, &seed).sorted() == [0, 1, 2], "\(seed.replay)")
        #expect(schedule.next(now: 100 * Self.ms, using: &seed) == .wait(until: 200 * Self.ms))
    }

    @Test func `of several refusals in a round the first is told`() {
        var seed = Seed(1)
        var schedule = RecoverySchedule(endpointCount: 2, settings: Self.settings)
        let other = AMQPError(.authenticationFailed, scope: .connection, text: "another one")
        _ = schedule.next(now: 0, using: &seed)
        #expect(schedule.failed(Self.badLogin, now: 0, using: &seed) == .tryOn)
        _ = schedule.next(now: 0, using: &seed)
        #expect(schedule.failed(other, now: 0, using: &seed) == .giveUp(Self.badLogin))
    }

    @Test func `a multiplier below 1 does not make the waits shorter`() {
        var backoff = Backoff(RecoverySettings(initialInterval: .milliseconds(100), multiplier: 0.5, jitter: 0))
        for _ in 0..<5 { #expect(backoff.next(random: 0.5) == 100 * Self.ms) }
    }
}
