import AMQPClient
import AMQPWire
import Millrace
import Testing

/// How fast questions go out, when jobs may start, and what silence means; without a clock.
@Suite struct DeclarationRunTests {
    private static let ms: UInt64 = 1_000_000
    private static let second: UInt64 = 1_000_000_000

    private static func queue(_ name: String, isOfJob: Bool) -> PlannedDeclaration {
        PlannedDeclaration(.queue(name), .queue(QueueDeclare(queue: name, durable: true)), isOfJob: isOfJob)
    }

    private static func run(
        ofJobs: [String],
        others: [String] = [],
        goesOn: Bool = true
    ) -> DeclarationRun {
        let planned = ofJobs.map { Self.queue($0, isOfJob: true) } + others.map { Self.queue($0, isOfJob: false) }
        return DeclarationRun(DeclarationPlan(planned), goesOn: goesOn)
    }

    /// Loops that a fault could make endless end by themselves.
    private static let rounds = 10_000

    private func asked(_ step: DeclarationRun.Step) -> String? {
        guard case .ask(.queue(let name), _) = step else { return nil }
        return name
    }

    @Test func `one question after the other, while they are answered`() {
        var run = Self.run(ofJobs: ["a", "b"])
        #expect(self.asked(run.next(now: 0, random: 0)) == "a")
        #expect(run.next(now: 1, random: 0) == .wait(until: 100 * Self.ms))
        run.answered(.queue("a"), nil)
        #expect(self.asked(run.next(now: 2, random: 0)) == "b")
        run.answered(.queue("b"), nil)
        #expect(run.next(now: 3, random: 0) == .handOver)
        #expect(run.next(now: 3, random: 0) == .done)
    }

    @Test func `queues that do not answer hold up nobody: jobs start as soon as all the others are asked`() {
        var run = Self.run(ofJobs: (0..<10).map { "down\($0)" } + ["up"])
        var now: UInt64 = 0
        var names: [String] = []
        var handedOver = false
        for _ in 0..<Self.rounds where !handedOver && now < Self.second {
            switch run.next(now: now, random: 0) {
            case .ask(.queue(let name), _):
                names.append(name)
                if name == "up" { run.answered(.queue(name), nil) }
            case .wait(let time): now = time
            case .handOver: handedOver = true
            default: Issue.record("unexpected")
            }
        }
        #expect(names.count == 11)
        #expect(now < 300 * Self.ms)
        #expect(run.plan.standing(ofQueue: "up") == .there)
        #expect(run.plan.standing(ofQueue: "down3") == .underWay)
        // Said once, when it has been a while.
        var slow = 0
        for _ in 0..<Self.rounds where now < 2 * Self.second {
            switch run.next(now: now, random: 0) {
            case .slow: slow += 1
            case .wait(let time): now = time
            default: Issue.record("unexpected")
            }
        }
        #expect(slow == 10)
        // A late answer is one.
        run.answered(.queue("down3"), nil)
        #expect(run.plan.standing(ofQueue: "down3") == .there)
    }

    @Test func `where outputs go is waited for a second, and no longer`() {
        var run = Self.run(ofJobs: ["in"], others: ["out"])
        _ = run.next(now: 0, random: 0)
        run.answered(.queue("in"), nil)
        #expect(self.asked(run.next(now: 0, random: 0)) == "out")
        #expect(run.next(now: 0, random: 0) == .wait(until: 100 * Self.ms))
        #expect(run.next(now: 100 * Self.ms, random: 0) == .wait(until: Self.second))
        #expect(run.next(now: Self.second, random: 0) == .handOver)
    }

    @Test func `a broker that answers nothing is asked for something easy, and then said to be silent`() {
        var run = Self.run(ofJobs: ["a"])
        _ = run.next(now: 0, random: 0)
        #expect(run.next(now: 200 * Self.ms, random: 0) == .wait(until: 3 * Self.second))
        #expect(run.next(now: 3 * Self.second, random: 0) == .probe)
        #expect(run.next(now: 3 * Self.second, random: 0) == .wait(until: 8 * Self.second))
        #expect(run.next(now: 8 * Self.second, random: 0) == .silent)
    }

    @Test func `a broker that answers the easy question has a queue that does not answer, no more`() {
        var run = Self.run(ofJobs: ["a"])
        _ = run.next(now: 0, random: 0)
        #expect(run.next(now: 3 * Self.second, random: 0) == .probe)
        run.probeAnswered()
        #expect(run.next(now: 4 * Self.second, random: 0) == .handOver)
    }

    @Test func `what can not be had yet is asked for again, less and less often, until it is there`() {
        var run = Self.run(ofJobs: [], others: ["out"])
        var (now, asks): (UInt64, [UInt64]) = (0, [])
        for _ in 0..<Self.rounds where asks.count < 5 && now < 3600 * Self.second {
            switch run.next(now: now, random: 0.5) {
            case .ask:
                asks.append(now / Self.second)
                run.answered(.queue("out"), asks.count < 5 ? PlannedDeclarationTests.nodeDown : nil)
            case .wait(let time): now = time
            case .handOver: break
            default: Issue.record("unexpected")
            }
        }
        #expect(asks == [0, 1, 3, 7, 15])
        #expect(run.next(now: now, random: 0.5) == .done)
    }

    @Test func `no answer at all is given up at last, and the channel with it`() {
        var run = Self.run(ofJobs: ["a"], goesOn: false)
        _ = run.next(now: 0, random: 0)
        #expect(run.next(now: 120 * Self.second, random: 0) == .giveUp(.queue("a")))
        #expect(run.plan.failures.map(\.error.code) == [.timeout])
        #expect(run.next(now: 120 * Self.second, random: 0) == .done)
    }

    @Test func `no more channels than allowed, and jobs start all the same`() {
        var run = Self.run(ofJobs: ["up"] + (0..<40).map { "down\($0)" })
        var (now, asks): (UInt64, Int) = (0, 0)
        loop: for _ in 0..<Self.rounds where now < 10 * Self.second {
            switch run.next(now: now, random: 0) {
            case .ask(let item, _):
                asks += 1
                if item == .queue("up") { run.answered(item, nil) }
            case .wait(let time): now = time
            case .handOver: break loop
            default: Issue.record("unexpected")
            }
        }
        #expect(asks == 17)
        #expect(now < Self.second)
        #expect(run.plan.standing(ofQueue: "down39") == .open)
    }

    @Test func `the last question is the first suspect, and what was not asked is none`() {
        var run = Self.run(ofJobs: ["a", "b", "c"])
        _ = run.next(now: 0, random: 0)
        _ = run.next(now: 100 * Self.ms, random: 0)
        let end = AMQPError(closeCode: .internalError, text: "", classID: 50, methodID: 10, scope: .connection)
        #expect(run.suspects(of: end) == [.queue("b"), .queue("a")])
        let other = AMQPError(closeCode: .internalError, text: "", classID: 60, methodID: 20, scope: .connection)
        #expect(run.suspects(of: other).isEmpty)
        let cut = AMQPError(.connectionLost, scope: .connection, text: "")
        #expect(run.suspects(of: cut).isEmpty)
    }
}
