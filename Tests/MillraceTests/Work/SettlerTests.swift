import TestSupport
import Testing

@testable import Millrace

/// A channel that takes settlements, and knows which deliveries are still to be settled.
private final class FakeSettleLine: SettleLine {
    var outstanding: Set<UInt64> = Set(1...1000)
    private(set) var frames: [String] = []

    private func settle(_ tag: UInt64, _ frame: String) -> Bool {
        guard self.outstanding.remove(tag) != nil else { return false }
        self.frames.append(frame)
        return true
    }
    func ack(tag: UInt64) -> Bool { self.settle(tag, "ack \(tag)") }
    func reject(tag: UInt64, requeue: Bool) -> Bool { self.settle(tag, "reject \(tag)\(requeue ? " requeue" : "")") }
    func nack(tag: UInt64, requeue: Bool) -> Bool { self.settle(tag, "nack \(tag)\(requeue ? " requeue" : "")") }
    func giveBack(tags: [UInt64]) -> Int {
        let known = tags.filter { self.outstanding.remove($0) != nil }
        self.frames.append("back \(known)")
        return known.count
    }
}

/// How deliveries end; no broker, no clock.
@Suite struct SettlerTests {
    private let line = FakeSettleLine()

    private func settler(
        _ onFailure: FailureAction = .retry,
        isAcked: Bool = true,
        attempts: Int = 3,
        prefetch: Int = 10
    ) -> Settler {
        Settler(
            Settler.Policy(
                job: "job",
                queue: "work",
                place: "p.h on host",
                onFailure: onFailure,
                retry: RetryPolicy(maxAttempts: attempts, initialInterval: .milliseconds(100), jitter: 0),
                isAcked: isAcked,
                prefetch: prefetch
            )
        )
    }

    private func decide(_ settler: inout Settler, _ settling: Settling, now: UInt64 = 0) -> Settler.Decision {
        settler.decide(settling, random: 0.5, now: now, clock: 7)
    }

    private func note(_ error: String, _ reason: FailureNote.Reason?) -> FailureNote {
        FailureNote(job: "job", queue: "work", place: "p.h on host", error: error, time: 7, reason: reason)
    }

    @Test func `what is noted of a failure names the queue that its message came from`() {
        for verdict in [HandlerVerdict.retry, .reject] {
            var settler = self.settler()
            let settling = Settling(verdict: verdict, reason: "x")
            let decision = settler.decide(settling, from: "second", random: 0.5, now: 0, clock: 7)
            guard case .copy(let order) = decision.step else { Issue.record("\(decision)"); continue }
            let reason = order.note?.reason
            #expect(
                order.note
                    == FailureNote(
                        job: "job",
                        queue: "second",
                        place: "p.h on host",
                        error: "x",
                        time: 7,
                        reason: reason
                    )
            )
        }
    }

    @Test func `what succeeded is acked, after its outputs if it has any`() {
        var settler = self.settler()
        let plain = self.decide(&settler, Settling(verdict: .ack))
        let withOutputs = self.decide(&settler, Settling(verdict: .ack, hasOutputs: true))
        #expect(plain == Settler.Decision(step: .settle(.ack)))
        #expect(withOutputs == Settler.Decision(step: .publish))
    }

    @Test func `a failure comes again after a wait, as the next attempt, until there are no more`() {
        var settler = self.settler()
        let second = self.decide(&settler, Settling(verdict: .retry, reason: "no", attempt: 2, shownAttempt: 5))
        let wait = CopyOrder(
            target: .delay(Wait(milliseconds: 400)),
            settlement: .retried,
            attempt: 3,
            note: self.note("no", nil)
        )
        let line = FailureLine(reason: "no", attempt: 5, outcome: "attempt 3 in 400ms", isFinal: false)
        #expect(second == Settler.Decision(step: .copy(wait), line: line))
        let last = self.decide(&settler, Settling(verdict: .retry, attempt: 3, shownAttempt: 3))
        let death = CopyOrder(
            target: .deadLetter,
            settlement: .deadLettered,
            attempt: 3,
            note: self.note("none given", .exhausted)
        )
        let final = FailureLine(reason: "none given", attempt: 3, outcome: "dead letter: exhausted", isFinal: true)
        #expect(last == Settler.Decision(step: .copy(death), line: final))
    }

    @Test func `a handler that the drain cut short says nothing about the message; what it rejects it rejects`() {
        var settler = self.settler()
        for verdict in [HandlerVerdict.retry, .alone] {
            let cut = self.decide(&settler, Settling(verdict: verdict, isCutShort: true))
            #expect(cut == Settler.Decision(step: .settle(.giveBack)))
        }
        let rejected = self.decide(&settler, Settling(verdict: .reject, isCutShort: true))
        guard case .copy(let order) = rejected.step else { return #expect(Bool(false), "\(rejected)") }
        #expect(order.target == .deadLetter)
    }

    @Test func `what the broker gives out again anyway is only counted, though its job may stop`() {
        var settler = self.settler()
        for verdict in [HandlerVerdict.ack, .retry, .snooze] {
            let decision = self.decide(&settler, Settling(verdict: verdict, hasOutputs: true, isTakenBack: true))
            #expect(decision == Settler.Decision(step: .drop))
        }
        let stop = self.decide(&settler, Settling(verdict: .stop, reason: "enough", isTakenBack: true))
        #expect(stop == Settler.Decision(step: .drop, stopsJob: "enough"))
    }

    @Test func `a job that is stopped puts its message back`() {
        var settler = self.settler()
        let stop = self.decide(&settler, Settling(verdict: .stop))
        #expect(stop == Settler.Decision(step: .settle(.giveBack), stopsJob: "stopped by its handler"))
    }

    @Test func `a death that nobody's handler decided has its reason and no line here`() {
        var settler = self.settler(.discard)
        let crashed = self.decide(&settler, Settling(verdict: .reject, reason: "twice", attempt: 2, death: .crashed))
        let order = CopyOrder(
            target: .deadLetter,
            settlement: .deadLettered,
            attempt: 2,
            note: self.note("twice", .crashed)
        )
        #expect(crashed == Settler.Decision(step: .copy(order)))
    }

    @Test func `without acks what would go back comes again as a copy, after a failure not at once`() {
        var settler = self.settler(.requeue, isAcked: false)
        func wait(_ milliseconds: Double) -> Settler.Step {
            let target = CopyOrder.Target.delay(Wait(milliseconds: milliseconds))
            return .copy(CopyOrder(target: target, settlement: .snoozed, attempt: nil, note: nil))
        }
        let failed = self.decide(&settler, Settling(verdict: .retry))
        let back = self.decide(&settler, Settling(verdict: .requeue))
        let snoozed = self.decide(&settler, Settling(verdict: .snooze, delay: 5_000_000))
        #expect(failed.step == wait(1000))
        #expect(back.step == wait(1))
        #expect(snoozed.step == wait(5))
        settler.send(.ack, 1, on: self.line, now: 0)
        settler.acknowledge(2, on: self.line)
        #expect(self.line.frames.isEmpty, "the broker has settled them")
        #expect(settler.counts.acked == 2)
    }

    @Test func `each settlement has its frame and its count, and after its end a channel has none`() {
        var settler = self.settler()
        let all: [Settlement] = [.ack, .discard, .reject, .rejectRequeue, .giveBack, .retried, .deadLettered, .snoozed]
        for (index, settlement) in all.enumerated() {
            settler.send(settlement, UInt64(index + 1), on: self.line, now: 0)
        }
        let frames = [
            "ack 1", "ack 2", "reject 3", "reject 4 requeue", "nack 5 requeue", "ack 6", "ack 7", "ack 8",
        ]
        #expect(self.line.frames == frames)
        let counts = settler.takeCounts()
        #expect(counts.acked == 1 && counts.discarded == 1 && counts.rejected == 2 && counts.requeued == 1)
        #expect(counts.givenBack == 1 && counts.retried == 1 && counts.snoozed == 1 && counts.settled == 8)
        #expect(settler.counts == JobCounts())
        for (index, settlement) in all.enumerated() {
            settler.send(settlement, UInt64(index + 1), on: self.line, now: 0)
        }
        settler.acknowledge(1, on: self.line)
        #expect(self.line.frames.count == 8)
        #expect(settler.counts.droppedAcks == 9 && settler.counts.settled == 9)
    }

    @Test func `of a batch what goes back goes together, at its end`() {
        var settler = self.settler()
        settler.beginBatch()
        settler.send(.giveBack, 1, on: self.line, now: 0)
        settler.send(.ack, 2, on: self.line, now: 0)
        settler.send(.giveBack, 3, on: self.line, now: 0)
        settler.endBatch(on: self.line)
        settler.send(.giveBack, 4, on: self.line, now: 0)
        settler.beginBatch()
        settler.endBatch(on: self.line)
        #expect(self.line.frames == ["ack 2", "back [1, 3]", "nack 4 requeue"])
        #expect(settler.counts.givenBack == 3 && settler.counts.acked == 1)
    }

    @Test func `what fails and comes again at once slows down, and a success ends that`() {
        var settler = self.settler()
        settler.send(.giveBack, 1, on: self.line, now: 0)
        #expect(settler.takePause() == 0, "that was no failure")
        settler.send(.rejectRequeue, 2, on: self.line, now: 100)
        let first = settler.takePause()
        #expect(first == 100 + FailurePause.shortest)
        #expect(settler.takePause() == 0, "said once")
        settler.send(.rejectRequeue, 3, on: self.line, now: first)
        #expect(settler.takePause() == first + 2 * FailurePause.shortest)
        settler.acknowledge(4, on: self.line)
        settler.send(.rejectRequeue, 5, on: self.line, now: first * 10)
        #expect(settler.takePause() == first * 10 + FailurePause.shortest)
        settler.send(.giveBack, 6, on: self.line, isRefusedCopy: true, now: first * 20)
        #expect(settler.takePause() == first * 20 + FailurePause.shortest)
        settler.acknowledge(7, on: self.line)
        settler.copyRefused(now: first * 30)
        #expect(settler.takePause() == first * 30 + 2 * FailurePause.shortest, "a success says nothing about copies")
        settler.send(.retried, 8, on: self.line, now: first * 40)
        settler.copyRefused(now: first * 50)
        #expect(settler.takePause() == first * 50 + FailurePause.shortest)
    }

    @Test func `what can not be copied goes to the broker's dead letters, or is kept for a while`() {
        var settler = self.settler(prefetch: 4)
        let dead = settler.uncopyable(1, brokerDeadLetters: true, isEnding: false, now: 0)
        let atTheEnd = settler.uncopyable(5, brokerDeadLetters: false, isEnding: true, now: 0)
        let kept = (2...3).map { settler.uncopyable($0, brokerDeadLetters: false, isEnding: false, now: 0) }
        let tooMany = settler.uncopyable(4, brokerDeadLetters: false, isEnding: false, now: 0)
        #expect(dead == .reject && tooMany == .giveBack && atTheEnd == .giveBack)
        #expect(kept == [nil, nil] && settler.keptCount == 2)
        #expect(settler.wake == SetAside.time)
        settler.giveBackKept(on: self.line, now: SetAside.time - 1)
        #expect(self.line.frames.isEmpty)
        settler.giveBackKept(on: self.line, now: SetAside.time)
        #expect(self.line.frames == ["back [2, 3]"])
        #expect(settler.keptCount == 0 && settler.counts.givenBack == 2)
        #expect(settler.takePause() > SetAside.time)
    }

    @Test func `with its channel what was kept goes, and no pause holds for the next one`() {
        var settler = self.settler()
        _ = settler.uncopyable(1, brokerDeadLetters: false, isEnding: false, now: 0)
        settler.send(.rejectRequeue, 2, on: self.line, now: 0)
        settler.beginBatch()
        settler.send(.giveBack, 3, on: self.line, now: 0)
        let kept = settler.channelEnded()
        #expect(kept == 1 && settler.takePause() == 0 && settler.wake == nil)
        settler.endBatch(on: self.line)
        #expect(self.line.frames == ["reject 2 requeue"])
    }

    @Test func `many failures are summed up, and each is counted`() {
        var settler = self.settler(.reject)
        var lines = 0
        for tag in 0..<25 {
            let decision = self.decide(&settler, Settling(verdict: .retry), now: UInt64(tag))
            if decision.line != nil { lines += 1 }
        }
        #expect(lines == FailureReport.lines)
        let early = settler.takeSum(now: FailureReport.window - 1)
        let sum = settler.takeSum(now: FailureReport.window)
        #expect(early == nil)
        #expect(sum == FailureReport.Sum(again: 0, final: 25 - FailureReport.lines))
    }

    @Test func `a reason of any length makes a line, and a stop, of one`() {
        var settler = self.settler()
        let long = String(repeating: "é", count: 100_000)
        let failed = self.decide(&settler, Settling(verdict: .reject, reason: long))
        let stopped = self.decide(&settler, Settling(verdict: .stop, reason: long))
        #expect(failed.line?.reason.utf8.count ?? .max <= FailureNote.errorBudget)
        #expect(stopped.stopsJob?.utf8.count ?? .max <= FailureNote.errorBudget)
    }

    @Test func `whatever is decided, a delivery is settled once and counted once`() {
        var seed = Seed()
        let verdicts: [HandlerVerdict] = [.ack, .retry, .reject, .requeue, .snooze, .discard, .stop, .alone]
        for _ in 0..<300 {
            let line = FakeSettleLine()
            let actions: [FailureAction] = [.retry, .requeue, .reject, .discard]
            var settler = self.settler(actions.randomElement(using: &seed) ?? .retry)
            let count = Int.random(in: 1...60, using: &seed)
            line.outstanding = Set(1...UInt64(count))
            var now: UInt64 = 0
            var inBatch = false
            for tag in 1...UInt64(count) {
                now += UInt64.random(in: 0...20_000_000_000, using: &seed)
                if Int.random(in: 0..<8, using: &seed) == 0 {
                    if inBatch { settler.endBatch(on: line) } else { settler.beginBatch() }
                    inBatch.toggle()
                }
                if Int.random(in: 0..<40, using: &seed) == 0 { line.outstanding = [] }
                var settling = Settling(verdict: verdicts.randomElement(using: &seed) ?? .ack)
                settling.attempt = Int.random(in: 1...5, using: &seed)
                settling.isTakenBack = Int.random(in: 0..<20, using: &seed) == 0
                settling.isCutShort = Bool.random(using: &seed)
                switch settler.decide(settling, random: 0.5, now: now, clock: 0).step {
                case .settle(let settlement): settler.send(settlement, tag, on: line, now: now)
                case .copy(let order):
                    if Bool.random(using: &seed) {
                        settler.send(order.settlement, tag, on: line, now: now)
                    } else if Bool.random(using: &seed) {
                        settler.giveBack([tag], on: line)
                    } else {
                        let step = settler.uncopyable(tag, brokerDeadLetters: false, isEnding: false, now: now)
                        if let step { settler.send(step, tag, on: line, isRefusedCopy: true, now: now) }
                    }
                case .publish, .drop: settler.counts.droppedAcks += 1
                }
                settler.giveBackKept(on: line, now: now)
            }
            if inBatch { settler.endBatch(on: line) }
            settler.giveBack(settler.takeKept(), on: line)
            #expect(settler.counts.settled == count, "seed \(seed.value)")
        }
    }
}
