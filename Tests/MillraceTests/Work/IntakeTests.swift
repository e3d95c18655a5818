import AMQPClient
import Logging
import TestSupport
import Testing

@testable import Millrace

/// Which delivery is begun next, and until when none is; no broker and no handler.
@Suite struct IntakeTests {
    private func tags(_ intake: inout Intake, mayWait: Bool = true, now: UInt64 = 1000) -> [UInt64] {
        var tags: [UInt64] = []
        while !intake.isWorkedOff {
            let tag = intake.head.deliveryTag
            guard intake.turn(nil, mayWait: mayWait, now: now) == .begin else { break }
            tags.append(tag)
        }
        return tags
    }

    private func collecting(_ size: Int, timeout: Duration = .seconds(1), limiter: RateLimiter? = nil) -> Intake {
        Intake(limiter, batching: HandlerBatch(size: size, timeout: timeout))
    }

    @Test func `deliveries come in their order, each once`() throws {
        var intake = Intake(nil)
        #expect(intake.block == nil && intake.count == 0 && !intake.collects)
        intake.add(try FakeDelivery.batch(1...3))
        #expect(intake.count == 3 && !intake.isWorkedOff)
        #expect(self.tags(&intake) == [1, 2, 3])
        #expect(intake.isWorkedOff && intake.count == 0)
        intake.finish()
        #expect(intake.block == nil)
        intake.add(try FakeDelivery.batch(4...4))
        #expect(self.tags(&intake) == [4])
    }

    @Test func `a pause is the longest of those that were asked for, and ends by itself`() {
        var intake = Intake(nil)
        intake.pause(until: 100)
        intake.pause(until: 50)
        #expect(intake.wake == 100)
        let (early, late) = (intake.isPaused(now: 99), intake.isPaused(now: 100))
        #expect(early && !late)
        #expect(intake.pausedUntil == 0 && intake.wake == nil)
        intake.pause(until: 200)
        intake.endPause()
        let ended = intake.isPaused(now: 0)
        #expect(!ended)
    }

    @Test func `a rate limit holds back what can be given back, and nothing else`() throws {
        let limiter = RateLimiter(RateLimit(allowed: 2, interval: .seconds(3600)))
        var intake = Intake(limiter)
        intake.add(try FakeDelivery.batch(1...5))
        #expect(self.tags(&intake) == [1, 2])
        #expect(intake.pausedUntil == 1000 + 1_800_000_000_000)
        #expect(intake.count == 3, "the third was not begun")
        intake.endPause()
        #expect(self.tags(&intake, mayWait: false) == [3, 4, 5])
    }

    @Test func `what is taken out is not begun, and the others are`() throws {
        var intake = Intake(nil)
        intake.add(try FakeDelivery.batch(1...5, redelivered: [2, 5]))
        _ = intake.turn(nil, mayWait: true, now: 0)
        let none = intake.remove { _ in false }
        #expect(none.isEmpty && intake.count == 4)
        let out = intake.remove(\.redelivered)
        #expect(out.map(\.deliveryTag) == [2, 5])
        #expect(self.tags(&intake) == [3, 4])
    }

    @Test func `a batch begins when it is full, or when its first has waited long enough`() throws {
        var intake = self.collecting(3)
        intake.add(try FakeDelivery.batch(1...2))
        let hasRoom = intake.collect(mayWait: true, now: 1000)
        let early = intake.takeDue(isLast: false, now: 1_000_000_999)
        let last = intake.takeDue(isLast: false, now: 1_000_001_000)
        #expect(hasRoom && early == nil && intake.wake == nil)
        #expect(last?.map(\.record.deliveryTag) == [1, 2])
        intake.add(try FakeDelivery.batch(3...7))
        let stillHasRoom = intake.collect(mayWait: true, now: 0)
        #expect(!stillHasRoom && intake.hasCollected && intake.count == 5)
        let full = intake.takeDue(isLast: false, now: 0)
        #expect(full?.map(\.record.deliveryTag) == [3, 4, 5])
        _ = intake.collect(mayWait: true, now: 0)
        #expect(intake.wake == 1_000_000_000)
        let atTheEnd = intake.takeDue(isLast: true, now: 0)
        #expect(atTheEnd?.map(\.record.deliveryTag) == [6, 7], "at the end a batch waits for nothing")
        #expect(intake.count == 0 && !intake.hasCollected)
    }

    @Test func `a pause holds a batch up, one of the rate limit does not: what is collected has passed it`() throws {
        var intake = self.collecting(1)
        intake.add(try FakeDelivery.batch(1...1))
        _ = intake.collect(mayWait: true, now: 0)
        intake.pause(until: 50)
        let paused = intake.takeDue(isLast: false, now: 49)
        let over = intake.takeDue(isLast: false, now: 50)
        #expect(paused == nil && over?.count == 1)

        let limiter = RateLimiter(RateLimit(allowed: 1, interval: .seconds(1)))
        var limited = self.collecting(2, timeout: .zero, limiter: limiter)
        limited.add(try FakeDelivery.batch(1...2))
        let hasRoom = limited.collect(mayWait: true, now: 1_000_000_000)
        #expect(!hasRoom && limited.count == 2 && limited.pausedUntil == 2_000_000_000)
        let begun = limited.takeDue(isLast: false, now: 1_000_000_000)
        #expect(begun?.map(\.record.deliveryTag) == [1])
        #expect(limited.wake == 2_000_000_000)
    }

    @Test func `at the end all that was not begun is given back, the oldest first`() throws {
        var intake = self.collecting(4)
        intake.add(try FakeDelivery.batch(1...2))
        _ = intake.collect(mayWait: true, now: 0)
        intake.add(try FakeDelivery.batch(3...4))
        intake.pause(until: 9)
        let tags = intake.removeAll()
        #expect(tags == [1, 2, 3, 4])
        #expect(intake.count == 0 && intake.block == nil && intake.pausedUntil == 9)
        intake.add(try FakeDelivery.batch(5...5))
        intake.channelEnded()
        #expect(intake.count == 0 && intake.pausedUntil == 0)
    }

    @Test func `whatever happens, a delivery is begun or given back, once and in order`() throws {
        var seed = Seed()
        for _ in 0..<300 {
            let isBatched = Bool.random(using: &seed)
            let limiter =
                Bool.random(using: &seed) ? RateLimiter(RateLimit(allowed: 3, interval: .milliseconds(1))) : nil
            var intake =
                isBatched ? self.collecting(Int.random(in: 1...5, using: &seed), limiter: limiter) : Intake(limiter)
            var (next, now) = (UInt64(1), UInt64(1))
            var seen: [UInt64] = []
            for _ in 0..<Int.random(in: 1...80, using: &seed) {
                now += UInt64.random(in: 0...700_000_000, using: &seed)
                switch Int.random(in: 0..<8, using: &seed) {
                case 0: intake.pause(until: now + UInt64.random(in: 0...500_000_000, using: &seed))
                case 1: intake.endPause()
                case 2: seen += intake.remove { $0.deliveryTag % 7 == 0 && !isBatched }.map(\.deliveryTag)
                default: break
                }
                if intake.block == nil {
                    let last = next + UInt64.random(in: 0...6, using: &seed)
                    intake.add(try FakeDelivery.batch(next...last))
                    next = last + 1
                }
                if intake.isPaused(now: now) { continue }
                if isBatched {
                    _ = intake.collect(mayWait: true, now: now)
                    seen += intake.takeDue(isLast: false, now: now)?.map(\.record.deliveryTag) ?? []
                } else {
                    let tag = intake.isWorkedOff ? nil : intake.head.deliveryTag
                    if let tag, intake.turn(nil, mayWait: Bool.random(using: &seed), now: now) == .begin {
                        seen.append(tag)
                    }
                    if intake.isWorkedOff { intake.finish() }
                }
            }
            seen += intake.removeAll()
            #expect(seen.sorted() == Array(1..<next), "seed \(seed.value)")
            if isBatched { #expect(seen == seen.sorted(), "seed \(seed.value)") }
        }
    }
}
