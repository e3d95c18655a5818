import AMQPClient
import AMQPWire
import Logging
import TestSupport
import Testing

@testable import Millrace

private struct Input: OutletInput, Equatable {
    let number: Int
    var tag: UInt64? { UInt64(self.number) }
}

/// Outputs and what becomes of their inputs; no broker, no clock, and no delivery either.
@Suite struct OutletTests {
    private typealias TestOutlet = Outlet<FakeLine, Input>
    private let lines = FakeLines()

    private func outlet(_ policy: PublishPolicy = PublishPolicy(), watch: TestOutlet.Watch? = nil) -> TestOutlet {
        let lines = self.lines
        return Outlet(policy, logger: Broker.quiet, watch: watch) { () throws(AMQPError) in try lines.open() }
    }

    private static func output(_ key: String) -> Publication {
        Publication(exchange: [], routingKey: Array(key.utf8), properties: BasicProperties(), body: [1])
    }

    private func told(_ outlet: inout TestOutlet) -> [String] {
        var told: [String] = []
        while let outcome = outlet.nextOutcome() {
            switch outcome {
            case .accepted(let input, let outputs): told.append("\(input.number): \(outputs)")
            case .failed(let input, let reason): told.append("\(input.number) failed: \(reason)")
            case .notSent(let inputs, let reason, let slowsDown):
                told.append("\(inputs.map(\.number)) back\(slowsDown ? ", slower" : ""): \(reason)")
            }
        }
        return told
    }

    @Test func `an input is accepted when the broker has all of its outputs`() {
        var outlet = self.outlet()
        outlet.add([Self.output("a"), Self.output("b")], of: Input(number: 1), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(self.lines.newest.sent.map(\.key) == ["a", "b"])
        self.lines.newest.answer("b")
        outlet.takeIn(isServed: true, now: 0)
        #expect(self.told(&outlet) == [])
        self.lines.newest.answer("a")
        outlet.takeIn(isServed: true, now: 0)
        #expect(self.told(&outlet) == ["1: 2"])
        #expect(self.told(&outlet) == [], "each is told once")
        #expect(outlet.isEmpty)
    }

    @Test func `without confirms they are accepted when they are sent`() {
        var outlet = self.outlet(PublishPolicy(mode: .none))
        outlet.add([Self.output("a")], of: Input(number: 1), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(self.told(&outlet) == ["1: 1"])
    }

    @Test func `an output that no queue takes, or that can not be sent, fails its input alone`() {
        var outlet = self.outlet()
        outlet.add([Self.output("nowhere")], of: Input(number: 1), now: 0)
        outlet.add([Self.output("a")], of: Input(number: 2), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        self.lines.newest.answer("nowhere", .returned)
        self.lines.newest.answer("a")
        outlet.takeIn(isServed: true, now: 0)
        #expect(self.told(&outlet) == ["1 failed: no queue took an output (312 NO_ROUTE)", "2: 1"])
        self.lines.newest.headerLimit = -1
        outlet.add([Self.output("long")], of: Input(number: 3), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(self.told(&outlet).first?.hasPrefix("3 failed: ") == true)
        #expect(outlet.isEmpty)
    }

    @Test func `a channel that ends costs the one that ends it again, and nobody else`() {
        var outlet = self.outlet()
        for number in 1...3 {
            outlet.add([Self.output(number == 2 ? "wrong" : "right")], of: Input(number: number), now: 0)
        }
        outlet.release(mayWait: true, isServed: true, now: 0)
        var told: [String] = []
        for now in 1..<50 {
            let line = self.lines.newest
            if line.unanswered.contains(where: { $0.key == "wrong" }) {
                line.end(.notFound)
            } else {
                while line.answer() {}
            }
            outlet.takeIn(isServed: true, now: UInt64(now) * 10_000_000_000)
            outlet.release(mayWait: true, isServed: true, now: UInt64(now) * 10_000_000_000)
            told += self.told(&outlet)
        }
        #expect(told.sorted() == ["1: 1", "2 failed: \(AMQPError.notFound)", "3: 1"])
        #expect(self.lines.all.count == 3, "one for all, one on which the guilty one went alone, and one more")
    }

    @Test func `with the connection all go back, and so do they if there is none`() {
        var outlet = self.outlet()
        for number in 1...2 { outlet.add([Self.output("a")], of: Input(number: number), now: 0) }
        outlet.release(mayWait: true, isServed: true, now: 0)
        self.lines.newest.end(.broken)
        outlet.takeIn(isServed: true, now: 0)
        #expect(self.told(&outlet) == ["[1, 2] back, slower: \(AMQPError.broken)"])
        self.lines.refusal = .broken
        outlet.add([Self.output("a")], of: Input(number: 3), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(self.told(&outlet) == ["[3] back, slower: \(AMQPError.broken)"])
    }

    @Test func `when their own channel is gone nothing is told of inputs`() {
        var outlet = self.outlet()
        outlet.add([Self.output("a")], of: Input(number: 1), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        self.lines.newest.end(.broken)
        outlet.takeIn(isServed: false, now: 0)
        #expect(self.told(&outlet) == [])
        #expect(outlet.removeAll().map(\.input.number) == [1])
    }

    @Test func `what waits for room goes when there is some`() {
        var outlet = self.outlet()
        outlet.openEarly()
        self.lines.newest.hasRoom = false
        outlet.add([Self.output("a")], of: Input(number: 1), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(self.lines.newest.sent.isEmpty && outlet.count == 1)
        self.lines.newest.hasRoom = true
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(self.lines.newest.sent.count == 1)
        #expect(self.lines.all.count == 1)
    }

    @Test func `a group is committed as one, and nothing follows a commit that is on its way`() {
        var outlet = self.outlet(PublishPolicy(mode: .tx, batch: PublishBatch(size: 2)))
        for number in 1...3 { outlet.add([Self.output("\(number)")], of: Input(number: number), now: 0) }
        outlet.release(mayWait: true, isServed: true, now: 0)
        let line = self.lines.newest
        #expect(line.isCommitting && line.commitEnd == 2)
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(line.sent.count == 2)
        line.commitOk()
        outlet.takeIn(isServed: true, now: 0)
        #expect(self.told(&outlet) == ["1: 1", "2: 1"])
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(line.sent.count == 3 && line.isCommitting)
    }

    @Test func `a commit of inputs that went with their channel is over before the next ones go`() {
        var outlet = self.outlet(PublishPolicy(mode: .tx, batch: PublishBatch(size: 1)))
        outlet.add([Self.output("1")], of: Input(number: 1), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        let line = self.lines.newest
        #expect(line.isCommitting)
        #expect(outlet.removeAll().map(\.input.number) == [1])
        outlet.add([Self.output("2")], of: Input(number: 2), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(line.sent.count == 1)
        line.commitOk()
        outlet.takeIn(isServed: true, now: 0)
        #expect(self.told(&outlet) == [], "nobody waits for that any more")
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(line.sent.map(\.key) == ["1", "2"])
    }

    @Test func `what is refused goes again after a pause; at the end nobody waits for it`() throws {
        var outlet = self.outlet()
        outlet.add([Self.output("full")], of: Input(number: 1), now: 0)
        outlet.release(mayWait: true, isServed: true, now: 0)
        self.lines.newest.answer("full", .refused)
        outlet.takeIn(isServed: true, now: 0)
        outlet.lookAfterRefusals(now: 0)
        #expect(self.told(&outlet) == [] && outlet.refusedCount == 1)
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(self.lines.newest.sent.count == 1, "not at once")
        let wake = try #require(outlet.wake(now: 0))
        outlet.release(mayWait: true, isServed: true, now: wake)
        #expect(self.lines.newest.sent.count == 2)
        self.lines.newest.answer("full", .refused)
        outlet.takeIn(isServed: true, now: wake)
        outlet.end()
        #expect(outlet.wake(now: wake + 1) == wake + 1)
        outlet.lookAfterRefusals(now: wake + 1)
        let told = self.told(&outlet)
        #expect(told == ["[1] back: the broker refuses their outputs, and the worker is told to stop"])
        #expect(outlet.isEmpty && outlet.refusedCount == 0)
    }

    @Test func `a channel that ends again and again is opened less and less often`() {
        var outlet = self.outlet()
        var now: UInt64 = 0
        for number in 1...4 {
            outlet.add([Self.output("wrong")], of: Input(number: number), now: now)
            outlet.release(mayWait: true, isServed: true, now: now)
            self.lines.newest.end(.notFound)
            outlet.takeIn(isServed: true, now: now)
            _ = self.told(&outlet)
            now += 1_000_000
        }
        outlet.add([Self.output("right")], of: Input(number: 5), now: now)
        let opened = self.lines.all.count
        outlet.release(mayWait: true, isServed: true, now: now)
        #expect(self.lines.all.count == opened)
        let wake = outlet.wake(now: now)
        #expect(wake ?? 0 > now)
        let late = (wake ?? 0) + 5
        #expect(outlet.wake(now: late) == late, "the pause has ended between two looks at the clock")
        outlet.release(mayWait: true, isServed: true, now: wake ?? 0)
        #expect(self.lines.all.count == opened + 1)
    }

    @Test func `what the broker never answers goes again on another channel; one that it blocks could not be answered`()
    {
        var outlet = self.outlet()
        outlet.add([Self.output("a")], of: Input(number: 1), now: 1)
        outlet.release(mayWait: true, isServed: true, now: 1)
        let first = self.lines.newest
        func goOn() -> UInt64 {
            let overdue = outlet.wake(now: 1) ?? 0
            outlet.release(mayWait: true, isServed: true, now: overdue)
            let due = outlet.wake(now: overdue) ?? 0
            outlet.release(mayWait: true, isServed: true, now: due)
            return due
        }
        first.blockings = 2
        #expect(goOn() == 1 + AnswerPatience.usual + OutputQueue<Int>.renewalPatience)
        #expect(self.lines.all.count == 1, "it was blocked meanwhile")
        let now = goOn()
        #expect(self.lines.all.count == 2 && first.givenUp == "it leaves outputs without an answer")
        #expect(self.lines.newest.sent.map(\.key) == ["a"])
        first.answer()
        outlet.takeIn(isServed: true, now: now)
        #expect(self.told(&outlet) == [], "nobody listens to the old one")
        self.lines.newest.answer()
        outlet.takeIn(isServed: true, now: now)
        #expect(self.told(&outlet) == ["1: 1"])
        #expect(outlet.wake(now: now) == nil)
    }

    @Test func `a commit that is never answered is sent again on another channel, and somebody wakes up for it`() {
        var outlet = self.outlet(PublishPolicy(mode: .tx, batch: PublishBatch(size: 1)))
        outlet.add([Self.output("a")], of: Input(number: 1), now: 1)
        outlet.release(mayWait: true, isServed: true, now: 1)
        #expect(self.lines.newest.isCommitting)
        for _ in 0..<2 {
            guard let now = outlet.wake(now: 1) else { break }
            outlet.release(mayWait: true, isServed: true, now: now)
        }
        #expect(self.lines.all.count == 2 && self.lines.newest.isCommitting)
        self.lines.newest.commitOk()
        outlet.takeIn(isServed: true, now: 1)
        #expect(self.told(&outlet) == ["1: 1"])
    }

    @Test func `an end opens no channel for want of an answer, also while one was about to be`() {
        var waiting = self.outlet()
        waiting.add([Self.output("a")], of: Input(number: 1), now: 1)
        waiting.release(mayWait: true, isServed: true, now: 1)
        waiting.release(mayWait: true, isServed: true, now: 1 + AnswerPatience.usual)
        waiting.end()
        #expect(waiting.wake(now: 1 + AnswerPatience.usual) == nil, "nobody wakes up for nothing")
        var outlet = self.outlet()
        outlet.add([Self.output("a")], of: Input(number: 1), now: 1)
        outlet.release(mayWait: true, isServed: true, now: 1)
        outlet.end()
        #expect(outlet.wake(now: 1) == nil)
        for minutes in UInt64(1)...9 {
            outlet.release(mayWait: false, isServed: true, now: minutes * 60_000_000_000)
        }
        #expect(self.lines.all.count == 2, "one for each outlet")
    }

    @Test func `somebody else sees which inputs the broker has`() {
        var placements = Placements()
        var outlet = self.outlet { change in change(&placements) }
        for number in 1...2 { outlet.add([Self.output("\(number)")], of: Input(number: number), now: 0) }
        outlet.release(mayWait: true, isServed: true, now: 0)
        #expect(placements.placed == [])
        self.lines.newest.answer("2")
        outlet.takeIn(isServed: true, now: 0)
        #expect(placements.placed == [Placements.Placed(tag: 2, settlement: .ack)])
    }

    @Test(arguments: [PublishPolicy.Mode.confirm, .tx, .none])
    func `whatever the broker does, each input has one end`(mode: PublishPolicy.Mode) {
        var seed = Seed()
        for _ in 0..<300 {
            self.lines.refusal = nil
            var outlet = self.outlet(
                PublishPolicy(mode: mode, batch: PublishBatch(size: Int.random(in: 1...4, using: &seed)))
            )
            var ends: [Int: Int] = [:]
            var (added, now) = (0, UInt64(1))
            func tell() {
                while let outcome = outlet.nextOutcome() {
                    switch outcome {
                    case .accepted(let input, _), .failed(let input, _): ends[input.number, default: 0] += 1
                    case .notSent(let inputs, _, _): for input in inputs { ends[input.number, default: 0] += 1 }
                    }
                }
            }
            for _ in 0..<Int.random(in: 1...120, using: &seed) {
                now += UInt64.random(in: 0...2_000_000_000, using: &seed)
                let line = self.lines.newest
                switch Int.random(in: 0..<12, using: &seed) {
                case 0..<4:
                    added += 1
                    let outputs = (0..<Int.random(in: 1...3, using: &seed)).map { Self.output("\($0)") }
                    outlet.add(outputs, of: Input(number: added), now: now)
                case 4: line.answer(nil, [.confirmed, .refused, .returned].randomElement(using: &seed) ?? .confirmed)
                case 5: if line.isCommitting { line.commitOk() } else { line.answer() }
                case 6: line.hasRoom.toggle()
                case 7:
                    if line.isOpen {
                        line.end([.notFound, .broken, .diskIsFull].randomElement(using: &seed) ?? .broken)
                    }
                case 8: self.lines.refusal = self.lines.refusal == nil ? .broken : nil
                case 9: if outlet.hasRefusals { outlet.lookAfterRefusals(now: now) }
                default: break
                }
                outlet.takeIn(isServed: true, now: now)
                outlet.release(mayWait: Bool.random(using: &seed), isServed: true, now: now)
                tell()
            }
            let left = outlet.removeAll().map(\.input.number)
            tell()
            for number in left { ends[number, default: 0] += 1 }
            #expect(ends.count == added && ends.values.allSatisfy { $0 == 1 }, "seed \(seed.value): \(ends)")
            guard ends.count == added else { return }
        }
    }
}
