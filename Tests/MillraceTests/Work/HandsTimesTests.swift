import AMQPClient
import AMQPWire
import CMillraceABI
import MillraceMessages
import TestSupport
import Testing

@testable import Millrace

private final class QuietLine: HandsLine {
    let incarnation: UInt64 = 1
    let isOpen = true
    let hasTimedOut = false
    func pump(until deadline: UInt64?) -> Bool { false }
}

/// What is measured of deliveries in hand; no broker.
@Suite struct HandsTimesTests {
    private static let millisecond: UInt64 = 1_000_000
    private let handler = ScriptedHandler()
    private let line = QuietLine()

    private func hands(isAsync: Bool = false, isBatch: Bool = false) throws -> Hands {
        let job = JobDefinition(
            name: "job",
            queue: "work",
            handler: HandlerName(plugin: "test", handler: "scripted"),
            tasksPerThread: 4,
            location: SourceLocation(file: "jobs.yaml", line: 1, column: 1)
        )
        let handle = WorkerHandle(
            job: job,
            index: 0,
            counters: JobCounters(),
            logger: Broker.quiet,
            hung: HungMessages(),
            optionNotes: OptionNotes(),
            jobStopped: { _ in }
        )
        let hands = Hands(handle, self.handler.entry(isAsync: isAsync, isBatch: isBatch))
        try hands.makeHandler()
        return hands
    }

    private func spend(_ milliseconds: UInt64) {
        let end = MonotonicClock.now() + milliseconds * Self.millisecond
        while MonotonicClock.now() < end {}
    }

    private func samples(_ hands: Hands, _ kind: TimeSample.Kind) -> [TimeSample] {
        hands.times.samples.filter { $0.kind == kind }
    }

    @Test func `a handler's time is that of its call, and a wait that since the arrival`() throws {
        let hands = try self.hands()
        self.handler.atBegin = { _ in self.spend(2) }
        let (record, block) = try FakeDelivery.one("x")
        let arrivedAt = MonotonicClock.now()
        self.spend(5)
        let begun = MonotonicClock.now()
        _ = hands.begin(record, block, now: begun, arrivedAt: arrivedAt, on: self.line)
        let whole = MonotonicClock.now() - begun
        let time = try #require(self.samples(hands, .handler).first)
        #expect((2 * Self.millisecond...whole).contains(time.nanoseconds) && time.weight == 1, "\(time)")
        let wait = try #require(self.samples(hands, .wait).first)
        #expect((5 * Self.millisecond...whole + begun - arrivedAt).contains(wait.nanoseconds), "\(wait)")
    }

    @Test func `what the message says goes before the arrival`() throws {
        let hands = try self.hands()
        hands.seal = CopySeal(user: "guest")
        let now = TimeOfDay.milliseconds()
        let headers: FieldTable = ["millrace-published-at": .int64(now - 60_000)]
        let (record, block) = try FakeDelivery.one("x", headers: headers)
        _ = hands.begin(record, block, now: 1, arrivedAt: MonotonicClock.now(), on: self.line)
        let wait = try #require(self.samples(hands, .wait).first)
        #expect(wait.nanoseconds >= 59_900 * Self.millisecond, "\(wait)")
    }

    @Test func `what comes again has no wait, and neither has what nobody knows one of`() throws {
        let hands = try self.hands()
        let (record, block) = try FakeDelivery.one("x", redelivered: true)
        _ = hands.begin(record, block, now: 1, arrivedAt: 1, on: self.line)
        #expect(self.samples(hands, .wait).isEmpty)
        let (other, octets) = try FakeDelivery.one("y")
        _ = try self.hands().begin(other, octets, now: 1, on: self.line)
        #expect(self.samples(hands, .wait).isEmpty)
    }

    @Test func `of short handlers few are timed, and the coarse clock finds a long one among them`() throws {
        let hands = try self.hands()
        for tag in 1...1000 as ClosedRange<UInt64> {
            let (record, block) = try FakeDelivery.one("x", tag: tag)
            _ = hands.begin(record, block, now: 1, on: self.line)
        }
        #expect((1..<1000).contains(self.samples(hands, .handler).count))
        while !hands.wasLastUntimed {
            let (record, block) = try FakeDelivery.one("x")
            _ = hands.begin(record, block, now: 1, on: self.line)
        }
        hands.lookAtUntimed(TimeSampler.long - 1)
        #expect(self.samples(hands, .handler).allSatisfy { $0.nanoseconds < TimeSampler.long })
        hands.lookAtUntimed(TimeSampler.long)
        hands.lookAtUntimed(TimeSampler.long)
        #expect(self.samples(hands, .handler).filter { $0.nanoseconds == TimeSampler.long }.count == 1)
    }

    @Test func `a task's time ends with its outcome`() throws {
        let hands = try self.hands(isAsync: true)
        self.handler.answer = { _ in nil }
        for tag in 1...3 as ClosedRange<UInt64> {
            let (record, block) = try FakeDelivery.one("\(tag)", tag: tag)
            _ = hands.begin(record, block, now: MonotonicClock.now(), on: self.line)
        }
        #expect(self.samples(hands, .handler).isEmpty)
        self.spend(3)
        self.handler.complete("1", MILLRACE_ACK)
        _ = hands.takeEnded(on: self.line)
        let time = try #require(self.samples(hands, .handler).first)
        #expect(time.nanoseconds >= 3 * Self.millisecond)
        #expect(self.samples(hands, .handler).count == 1)
    }

    @Test func `a batch's time is that of each of its messages`() throws {
        let hands = try self.hands(isBatch: true)
        self.handler.atBegin = { _ in self.spend(1) }
        var together: [InFlight] = []
        for tag in 1...3 as ClosedRange<UInt64> {
            let (record, block) = try FakeDelivery.one("\(tag)", tag: tag)
            let admission = hands.admit(record, block, now: MonotonicClock.now(), isOnly: false, on: self.line)
            if case .together(let delivery) = admission { together.append(delivery) }
        }
        let begin = try #require(hands.functions.beginBatch)
        _ = hands.begin(together, by: begin, on: self.line)
        let time = try #require(self.samples(hands, .handler).first)
        #expect(time.nanoseconds >= 3 * Self.millisecond && time.weight == 3, "\(time)")
    }
}
