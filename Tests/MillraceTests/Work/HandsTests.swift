import AMQPClient
import CMillraceABI
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Millrace

private final class FakeHandsLine: HandsLine {
    var incarnation: UInt64 = 1
    var isOpen = true
    var hasTimedOut = false
    private(set) var pumps = 0
    func pump(until deadline: UInt64?) -> Bool {
        self.pumps += 1
        return false
    }
}

/// Deliveries in a handler's hand; no broker.
@Suite struct HandsTests {
    private let handler = ScriptedHandler()
    private let line = FakeHandsLine()
    private let hung = HungMessages()
    private let counters = JobCounters()

    private func hands(
        isAsync: Bool = false,
        isBatch: Bool = false,
        tasks: Int = 4,
        timeout: Duration? = nil,
        killTimeout: Duration? = nil,
        onFailure: FailureAction = .retry
    ) throws -> Hands {
        let job = JobDefinition(
            name: "job",
            queue: "work",
            handler: HandlerName(plugin: "test", handler: "scripted"),
            onFailure: onFailure,
            tasksPerThread: tasks,
            timeout: timeout,
            killTimeout: killTimeout,
            location: SourceLocation(file: "jobs.yaml", line: 1, column: 1)
        )
        let handle = WorkerHandle(
            job: job,
            index: 0,
            counters: self.counters,
            logger: Broker.quiet,
            hung: self.hung,
            optionNotes: OptionNotes(),
            killSwitch: killTimeout == nil ? nil : KillSwitch(hung: self.hung),
            jobStopped: { _ in }
        )
        let hands = Hands(handle, self.handler.entry(isAsync: isAsync, isBatch: isBatch))
        try hands.makeHandler()
        return hands
    }

    private func begin(
        _ hands: Hands,
        _ body: String,
        tag: UInt64 = 1,
        redelivered: Bool = false,
        now: UInt64 = 10
    ) throws -> Hands.Begun {
        let (record, block) = try FakeDelivery.one(body, tag: tag, redelivered: redelivered)
        return hands.begin(record, block, now: now, on: self.line)
    }

    private func say(_ begun: Hands.Begun) -> String {
        switch begun {
        case .inHand: "in hand"
        case .ended(let delivery): "\(delivery.record.deliveryTag) \(delivery.verdict)"
        case .hung(let delivery): "\(delivery.record.deliveryTag) hung"
        case .takenBack(let delivery): "\(delivery.record.deliveryTag) taken back"
        case .gone(let delivery): "\(delivery.record.deliveryTag) gone"
        }
    }

    @Test func `a delivery is counted when its handler begins, and its clock runs until it is settled`() throws {
        let hands = try self.hands()
        self.handler.atBegin = { _ in
            #expect(self.counters.counts.received == 1)
            #expect(hands.handle.beganAt.load(ordering: .relaxed) == 10)
            #expect(hands.handle.oldest.tag == 7)
        }
        let begun = try self.begin(hands, "a", tag: 7)
        #expect(self.say(begun) == "7 ack")
        #expect(hands.handle.beganAt.load(ordering: .relaxed) == 10, "its outcome is not carried out yet")
        hands.stopClock()
        #expect(hands.handle.beganAt.load(ordering: .relaxed) == 0)
        #expect(self.handler.begun == [["a"]])
    }

    @Test func `a sync handler that says nothing has failed`() throws {
        let hands = try self.hands()
        self.handler.answer = { _ in nil }
        guard case .ended(let delivery) = try self.begin(hands, "a") else { return #expect(Bool(false)) }
        #expect(delivery.verdict == .retry && delivery.reason == "the handler returned without an outcome")
        #expect(hands.running.isEmpty)
    }

    @Test func `an object is used again for the next delivery, with nothing left of the last one`() throws {
        let hands = try self.hands()
        self.handler.answer = { $0 == "bad" ? MILLRACE_REJECT : MILLRACE_ACK }
        guard case .ended(let first) = try self.begin(hands, "bad", tag: 1) else { return #expect(Bool(false)) }
        first.reason = "for this one"
        hands.free(first)
        guard case .ended(let second) = try self.begin(hands, "good", tag: 2) else { return #expect(Bool(false)) }
        #expect(second === first)
        #expect(second.verdict == .ack && second.reason == nil && second.record.deliveryTag == 2)
    }

    @Test func `while its handler is at it a delivery stands in the crash ledger, and afterwards not`() throws {
        let folder = FileManager.default.temporaryDirectory.path() + "/hands-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let ledger = try CrashLedger(path: folder, slots: 4, limit: 2, now: .now(), logger: Broker.quiet)
        defer { ledger.end() }
        func inHand() -> [UInt64] {
            guard let data = FileManager.default.contents(atPath: folder) else { return [] }
            return data.withUnsafeBytes { LedgerImage($0) }?.run.inHand.map(\.deliveryTag).sorted() ?? []
        }
        let hands = try self.hands(isBatch: true)
        let line = try #require(ledger.line(for: hands.handle.job, hands: 4))
        hands.ledger = line
        self.handler.atBegin = { body in #expect(inHand() == (body == "alone" ? [1] : [2, 3])) }
        _ = try self.begin(hands, "alone", tag: 1)
        #expect(inHand() == [])
        let together = try (2...3).map { try self.admit(hands, "\($0)", tag: $0) }
        let begun = hands.begin(together.compactMap(self.inBatch), by: try self.batchFunction(hands), on: self.line)
        #expect(begun.map(self.say) == ["2 ack", "3 ack"])
        #expect(inHand() == [])
        let plain = try self.hands()
        plain.slot = line.plainSlot
        line.end()
    }

    private func admit(
        _ hands: Hands,
        _ body: String,
        tag: UInt64,
        redelivered: Bool = false,
        isOnly: Bool = false
    ) throws -> Hands.Admission {
        let (record, block) = try FakeDelivery.one(body, tag: tag, redelivered: redelivered)
        return hands.admit(record, block, now: 10, isOnly: isOnly, on: self.line)
    }

    private func inBatch(_ admission: Hands.Admission) -> InFlight? {
        if case .together(let delivery) = admission { delivery } else { nil }
    }

    private func batchFunction(_ hands: Hands) throws -> HandlerFunctions.BeginBatch {
        try #require(hands.functions.beginBatch)
    }

    // MARK: Together

    @Test func `several begin as one, and each ends for itself`() throws {
        let hands = try self.hands(isBatch: true)
        self.handler.answer = { $0 == "b" ? MILLRACE_REJECT : $0 == "c" ? nil : MILLRACE_ACK }
        var admitted: [InFlight] = []
        for (tag, body) in ["a", "b", "c"].enumerated() {
            admitted += [self.inBatch(try self.admit(hands, body, tag: UInt64(tag + 1)))].compactMap(\.self)
        }
        self.handler.atBegin = { _ in
            #expect(hands.handle.beganAt.load(ordering: .relaxed) == 10 && hands.handle.oldest.tag == 1)
        }
        let begun = hands.begin(admitted, by: try self.batchFunction(hands), on: self.line)
        #expect(self.handler.begun == [["a", "b", "c"]])
        #expect(begun.map(self.say) == ["1 ack", "2 reject", "3 retry"])
        #expect(self.counters.counts.received == 3)
        #expect(hands.begin([], by: try self.batchFunction(hands), on: self.line).isEmpty)
        #expect(self.handler.begun.count == 1)
    }

    @Test func `of a batch that failed as a whole each begins by itself, and is not counted again`() throws {
        let hands = try self.hands(isBatch: true)
        self.handler.answer = { _ in MILLRACE_ALONE }
        let delivery = try #require(self.inBatch(try self.admit(hands, "a", tag: 1)))
        _ = hands.begin([delivery], by: try self.batchFunction(hands), on: self.line)
        #expect(delivery.verdict == .alone)
        self.handler.answer = { _ in MILLRACE_ACK }
        let begun = hands.beginByItself(delivery, now: 20, on: self.line)
        #expect(self.say(begun) == "1 ack")
        #expect(self.handler.begun == [["a"], ["a"]])
        #expect(self.counters.counts.received == 1)
        #expect(hands.handle.beganAt.load(ordering: .relaxed) == 20)
    }

    // MARK: Hung

    @Test func `a message on which a handler hung alone is not begun; in a batch it begins by itself`() throws {
        let hands = try self.hands(isBatch: true, killTimeout: .seconds(1))
        for (body, circumstance) in [("a", HungMessages.Circumstance.alone), ("b", .inBatch)] {
            let (record, block) = try FakeDelivery.one(body, tag: 5)
            self.hung.note(record, block, circumstance)
        }
        #expect(self.say(try self.begin(hands, "a", tag: 6, redelivered: true)) == "6 hung")
        #expect(self.handler.begun.isEmpty)
        guard case .byItself(let delivery) = try self.admit(hands, "b", tag: 7, redelivered: true) else {
            return #expect(Bool(false))
        }
        #expect(delivery.record.deliveryTag == 7)
        #expect(self.say(try self.begin(hands, "a", tag: 8, redelivered: true)) == "8 ack", "asking forgets it")
    }

    @Test func `a hang is a failure, and the second in a row sets the message aside`() throws {
        let hands = try self.hands(killTimeout: .seconds(1))
        func hang(_ redelivered: Bool) throws -> Settling {
            let (record, block) = try FakeDelivery.one("a", tag: 5, redelivered: redelivered)
            self.hung.note(record, block, .alone)
            guard case .hung(let delivery) = try self.begin(hands, "a", tag: 6, redelivered: true) else {
                throw PeerFailure("it was begun")
            }
            return hands.settlingOfHung(delivery, block)
        }
        let first = try hang(false)
        #expect(first.verdict == .retry && first.death == nil)
        #expect(first.reason == "the handler ran longer than kill_timeout")
        let second = try hang(true)
        #expect(second.death == .hung)
        #expect(second.reason == "the handler ran longer than kill_timeout, twice in a row")
    }

    @Test func `who may be given up shows what it has in hand`() throws {
        let hands = try self.hands(isAsync: true, killTimeout: .seconds(1))
        let killSwitch = try #require(hands.handle.killSwitch)
        self.handler.answer = { _ in nil }
        #expect(self.say(try self.begin(hands, "a", tag: 1, now: 10)) == "in hand")
        #expect(self.say(try self.begin(hands, "b", tag: 2, now: 20)) == "in hand")
        #expect(killSwitch.hands(begunBefore: 21).map(\.record.deliveryTag) == [1, 2])
        self.handler.complete("a", MILLRACE_ACK)
        #expect(hands.takeEnded(on: self.line).map(self.say) == ["1 ack"])
        #expect(killSwitch.hands(begunBefore: 21).map(\.record.deliveryTag) == [2])
    }

    // MARK: Taken back

    @Test func `what the broker took back meanwhile is not settled, and counts as a hang`() throws {
        let hands = try self.hands()
        self.handler.atBegin = { _ in self.line.hasTimedOut = true }
        let begun = try self.begin(hands, "a", tag: 1)
        #expect(self.say(begun) == "1 taken back")
        self.line.hasTimedOut = false
        self.handler.atBegin = { _ in }
        #expect(self.say(try self.begin(hands, "a", tag: 2, redelivered: true)) == "2 hung")
    }

    @Test func `of tasks the one that began first is to blame, once for a channel`() throws {
        let hands = try self.hands(isAsync: true)
        self.handler.answer = { _ in nil }
        for tag: UInt64 in 1...3 { _ = try self.begin(hands, "\(tag)", tag: tag) }
        self.line.hasTimedOut = true
        for body in ["2", "1", "3"] { self.handler.complete(body, MILLRACE_ACK) }
        #expect(hands.takeEnded(on: self.line).map(self.say) == ["1 taken back", "2 ack", "3 ack"])
    }

    // MARK: Tasks

    @Test func `tasks end in any order, and the clock is that of the oldest in hand`() throws {
        let hands = try self.hands(isAsync: true)
        self.handler.answer = { _ in nil }
        for tag: UInt64 in 1...3 { _ = try self.begin(hands, "\(tag)", tag: tag, now: tag * 10) }
        #expect(hands.running.count == 3)
        self.handler.complete("2", MILLRACE_ACK)
        #expect(hands.takeEnded(on: self.line).map(self.say) == ["2 ack"])
        #expect(hands.handle.beganAt.load(ordering: .relaxed) == 10)
        self.handler.complete("1", MILLRACE_DISCARD)
        #expect(hands.takeEnded(on: self.line).map(self.say) == ["1 discard"])
        #expect(hands.handle.beganAt.load(ordering: .relaxed) == 30 && hands.handle.oldest.tag == 3)
        self.line.incarnation = 2
        self.handler.complete("3", MILLRACE_ACK)
        #expect(hands.takeEnded(on: self.line).map(self.say) == ["3 gone"])
        #expect(hands.handle.beganAt.load(ordering: .relaxed) == 0)
        #expect(hands.takeEnded(on: self.line).isEmpty)
    }

    @Test func `a task that takes too long is asked to end, once, and counted`() throws {
        let hands = try self.hands(isAsync: true, timeout: .nanoseconds(100))
        self.handler.answer = { _ in nil }
        for tag: UInt64 in 1...2 { _ = try self.begin(hands, "\(tag)", tag: tag, now: tag * 10) }
        #expect(hands.nextOverdue == 110)
        hands.cancelOverdue(now: 110)
        #expect(self.handler.cancelled.isEmpty)
        hands.cancelOverdue(now: 111)
        hands.cancelOverdue(now: 112)
        #expect(self.handler.cancelled == ["1"] && hands.overruns == 1)
        #expect(hands.nextOverdue == 120)
    }

    @Test func `in a drain's last part all are asked to end, which says nothing about their messages`() throws {
        let hands = try self.hands(isAsync: true)
        self.handler.answer = { _ in nil }
        _ = try self.begin(hands, "a", tag: 1)
        hands.passCancellationOn()
        hands.passCancellationOn()
        #expect(self.handler.cancelled == ["a"])
        self.handler.complete("a", MILLRACE_RETRY)
        guard case .ended(let delivery)? = hands.takeEnded(on: self.line).first else { return #expect(Bool(false)) }
        #expect(delivery.settling.isCutShort)
        hands.handle.signal(WorkerHandle.Signal.cancel)
        _ = try self.begin(hands, "b", tag: 2)
        #expect(self.handler.cancelled == ["a", "b"], "also what begins then")
    }

    @Test func `whatever handlers do, a delivery that began ends once, and nothing stays in hand`() throws {
        var seed = Seed()
        let kinds = [MILLRACE_ACK, MILLRACE_RETRY, MILLRACE_REJECT, MILLRACE_REQUEUE, MILLRACE_DISCARD, MILLRACE_ALONE]
        for _ in 0..<200 {
            let isAsync = Bool.random(using: &seed)
            let hands = try self.hands(
                isAsync: isAsync,
                isBatch: !isAsync,
                killTimeout: Bool.random(using: &seed) ? .seconds(60) : nil
            )
            let begin = hands.functions.beginBatch
            var (tag, open, ended) = (UInt64(0), Set<String>(), [UInt64: Int]())
            let kind = kinds.randomElement(using: &seed) ?? MILLRACE_ACK
            self.handler.answer = { body in isAsync ? nil : body.hasSuffix("3") ? nil : kind }
            func note(_ begun: Hands.Begun) {
                switch begun {
                case .inHand: break
                case .ended(let delivery), .hung(let delivery), .takenBack(let delivery), .gone(let delivery):
                    ended[delivery.record.deliveryTag, default: 0] += 1
                    open.remove("\(delivery.record.deliveryTag)")
                    hands.free(delivery)
                }
            }
            for _ in 0..<Int.random(in: 1...60, using: &seed) {
                switch Int.random(in: 0..<6, using: &seed) {
                case 0...2:
                    guard let begin, Bool.random(using: &seed) else {
                        guard hands.running.count < hands.capacity else { break }
                        tag += 1
                        if isAsync { open.insert("\(tag)") }
                        note(try self.begin(hands, "\(tag)", tag: tag, redelivered: Bool.random(using: &seed)))
                        break
                    }
                    var together: [InFlight] = []
                    for _ in 0..<Int.random(in: 1...4, using: &seed) {
                        tag += 1
                        switch try self.admit(hands, "\(tag)", tag: tag, redelivered: Bool.random(using: &seed)) {
                        case .together(let delivery): together.append(delivery)
                        case .byItself(let delivery): note(hands.beginByItself(delivery, now: 10, on: self.line))
                        case .hung(let delivery): note(.hung(delivery))
                        }
                    }
                    for begun in hands.begin(together, by: begin, on: self.line) { note(begun) }
                case 3: if let body = open.sorted().randomElement(using: &seed) { self.handler.complete(body, kind) }
                case 4: self.line.incarnation += 1
                default: for begun in hands.takeEnded(on: self.line) { note(begun) }
                }
            }
            for body in open.sorted() { self.handler.complete(body, kind) }
            for begun in hands.takeEnded(on: self.line) { note(begun) }
            hands.stopClock()
            #expect(ended.count == Int(tag) && ended.values.allSatisfy { $0 == 1 }, "seed \(seed.value)")
            #expect(hands.running.isEmpty && hands.handle.beganAt.load(ordering: .relaxed) == 0)
            #expect(hands.handle.killSwitch?.hands(begunBefore: .max).isEmpty ?? true)
        }
    }
}
