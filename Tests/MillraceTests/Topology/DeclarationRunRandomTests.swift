import AMQPClient
import AMQPWire
import Millrace
import TestSupport
import Testing

/// Random files against random brokers, in virtual time: what can be had is had, once and in order, and nobody waits for
/// long because of somebody else's queue.
@Suite struct DeclarationRunRandomTests {
    private static let second: UInt64 = 1_000_000_000

    /// What the broker says about one item.
    private struct Temper {
        /// Before each answer.
        var delay: UInt64
        /// Noes that pass.
        var noes: [AMQPError]
        /// The answer after them.
        var last: AMQPError?
    }

    private struct World {
        var seed: Seed
        var run: DeclarationRun
        let planned: [PlannedDeclaration]
        var tempers: [TopologyItem: Temper]
        var now: UInt64 = 0
        var flights: [TopologyItem: UInt64] = [:]
        var handedOverAt: UInt64?
        var isDone = false
        /// Faults of the run, in words.
        var faults: [String] = []

        init(_ seed: Seed) {
            var seed = seed
            let exchanges = (0..<Int.random(in: 0...4, using: &seed)).map { TopologyItem.exchange("x\($0)") }
            let queues = (0..<Int.random(in: 1...12, using: &seed)).map { TopologyItem.queue("q\($0)") }
            var planned = exchanges.map {
                PlannedDeclaration($0, .exchange(ExchangeDeclare(exchange: "x", type: "direct")), ifMissing: .awaited)
            }
            planned += queues.map { queue in
                PlannedDeclaration(
                    queue,
                    .queue(QueueDeclare()),
                    ifDifferent: Bool.random(using: &seed) ? .kept : .refused,
                    isOfJob: Bool.random(using: &seed)
                )
            }
            for (number, queue) in queues.enumerated() {
                guard let exchange = exchanges.randomElement(using: &seed), Bool.random(using: &seed) else { continue }
                planned.append(
                    PlannedDeclaration(
                        .queueBinding(of: "q\(number)", to: "\(exchange)", key: "", number: 0),
                        .queueBinding(QueueBind(queue: "q", exchange: "x")),
                        after: [queue, exchange],
                        ifMissing: .awaited,
                        isOfJob: planned.first { $0.item == queue }?.isOfJob ?? false
                    )
                )
            }
            self.tempers = planned.reduce(into: [:]) { tempers, one in
                let isSilent = Int.random(in: 0..<5, using: &seed) == 0
                let finals: [AMQPError?] = [nil, nil, nil, nil, PlannedDeclarationTests.forbidden]
                tempers[one.item] = Temper(
                    delay: isSilent
                        ? 70 * DeclarationRunRandomTests.second : UInt64.random(in: 0...200_000_000, using: &seed),
                    noes: (0..<Int.random(in: 0...2, using: &seed)).map { _ in
                        PlannedDeclarationTests.healing.randomElement(using: &seed) ?? PlannedDeclarationTests.locked
                    },
                    last: finals.randomElement(using: &seed) ?? nil
                )
            }
            self.planned = planned
            self.run = DeclarationRun(DeclarationPlan(planned), goesOn: true)
            self.seed = seed
        }

        private func planned(_ item: TopologyItem) -> PlannedDeclaration? { self.planned.first { $0.item == item } }

        private mutating func ask(_ item: TopologyItem) {
            if self.flights[item] != nil { self.faults.append("\(item) is asked for while it is under way") }
            if self.flights.count >= 16 { self.faults.append("more than 16 under way") }
            for needed in self.planned(item)?.after ?? [] {
                let standing = self.run.plan.standing(of: needed)
                if standing == nil { self.faults.append("\(item) comes before \(needed)") }
                if case .queue = needed, standing != .there { self.faults.append("\(item) without \(needed)") }
            }
            self.flights[item] = self.now &+ (self.tempers[item]?.delay ?? 0)
        }

        /// Whoever is due by then answers.
        private mutating func pass(until time: UInt64) {
            if time <= self.now { self.faults.append("a wait that is over") }
            let next = self.flights.min { ($0.value, "\($0.key)") < ($1.value, "\($1.key)") }
            guard let next, next.value <= time else {
                self.now = time
                return
            }
            self.now = max(self.now, next.value)
            self.flights[next.key] = nil
            let no = self.tempers[next.key]?.noes.popLast()
            self.run.answered(next.key, no ?? self.tempers[next.key]?.last)
        }

        mutating func step() {
            switch self.run.next(now: self.now, random: Double.random(in: 0..<1, using: &self.seed)) {
            case .ask(let item, _): self.ask(item)
            case .giveUp(let item): self.flights[item] = nil
            case .slow(let item): if self.handedOverAt == nil { self.faults.append("\(item) is slow before the start") }
            case .probe: self.run.probeAnswered()
            case .handOver:
                if self.handedOverAt != nil { self.faults.append("handed over twice") }
                self.handedOverAt = self.now
            case .wait(let time): self.pass(until: time)
            case .silent: self.faults.append("silent, and it answers")
            case .done: self.isDone = true
            }
        }
    }

    @Test func `whatever the broker does, all is had that can be, in order, and jobs start soon`() throws {
        let base = Seed()
        var seeds = base
        for _ in 0..<500 {
            let number = seeds.next()
            var world = World(Seed(number))
            var steps = 0
            while !world.isDone, steps < 5_000 {
                world.step()
                steps += 1
            }
            #expect(world.isDone, "\(base.replay)")
            #expect(world.faults.isEmpty, "\(world.faults.prefix(3)) \(base.replay)")
            #expect(world.flights.isEmpty, "\(base.replay)")
            let handedOverAt = try #require(world.handedOverAt, "\(base.replay)")
            // Twenty-eight questions that are answered within 200 ms, a second for outputs, three for total silence.
            #expect(handedOverAt < 8 * Self.second, "\(base.replay)")
            for planned in world.planned where !planned.isOfJob {
                let isFinal = world.tempers[planned.item]?.last != nil
                let isBlocked = planned.after.contains { world.tempers[$0]?.last != nil }
                switch world.run.plan.standing(of: planned.item) {
                case .there?: #expect(!isFinal, "\(base.replay)")
                case .refused?: #expect(isFinal, "\(base.replay)")
                case nil: #expect(isBlocked, "\(planned.item) \(base.replay)")
                case .kept?, .later?: Issue.record("\(planned.item) is left open: \(base.replay)")
                }
            }
        }
    }
}
