import AMQPClient
import AMQPWire
import Millrace
import Testing

/// The order of questions, and where things stand between them.
@Suite struct DeclarationPlanTests {
    private static func queue(_ name: String, isOfJob: Bool = false) -> PlannedDeclaration {
        PlannedDeclaration(.queue(name), .queue(QueueDeclare(queue: name, durable: true)), isOfJob: isOfJob)
    }

    private static func exchange(_ name: String) -> PlannedDeclaration {
        PlannedDeclaration(
            .exchange(name),
            .exchange(ExchangeDeclare(exchange: name, type: "direct")),
            ifMissing: .awaited
        )
    }

    private static func binding(_ queue: String, _ exchange: String, isOfJob: Bool = false) -> PlannedDeclaration {
        PlannedDeclaration(
            .queueBinding(of: queue, to: exchange, key: "", number: 0),
            .queueBinding(QueueBind(queue: queue, exchange: exchange)),
            after: [.queue(queue), .exchange(exchange)],
            ifMissing: .awaited,
            isOfJob: isOfJob
        )
    }

    private static let bound: [PlannedDeclaration] = [
        Self.exchange("x"), Self.queue("q", isOfJob: true), Self.binding("q", "x", isOfJob: true),
    ]
    private static let link = TopologyItem.queueBinding(of: "q", to: "x", key: "", number: 0)

    @Test func `a binding waits for its queue and its exchange, whatever comes of the exchange`() {
        var plan = DeclarationPlan(Self.bound)
        #expect(plan.next()?.item == .exchange("x"))
        #expect(plan.next()?.item == .queue("q"))
        #expect(plan.next() == nil)
        #expect(plan.answered(.queue("q"), nil) == .there)
        #expect(plan.next() == nil)
        #expect(plan.standing(ofQueue: "q") == .underWay)
        plan.answered(.exchange("x"), PlannedDeclarationTests.differs)
        #expect(plan.next()?.item == Self.link)
        plan.answered(Self.link, nil)
        #expect(plan.standing(ofQueue: "q") == .there)
        #expect(plan.failures.map(\.item) == [.exchange("x")])
    }

    @Test func `a queue that is not there is not bound, and its binding is not said to be missing too`() {
        var plan = DeclarationPlan(Self.bound)
        _ = plan.next()
        _ = plan.next()
        plan.answered(.exchange("x"), nil)
        plan.answered(.queue("q"), PlannedDeclarationTests.locked)
        #expect(plan.next() == nil)
        #expect(plan.standing(ofQueue: "q") == .open)
        #expect(plan.failures.map(\.item) == [.queue("q")])
        #expect(plan.failures.map(\.isFinal) == [false])
        // Workers see to it.
        #expect(!plan.hasOpen)
    }

    @Test func `a binding that was refused keeps its queue from being there`() {
        var plan = DeclarationPlan(Self.bound)
        for item in [TopologyItem.exchange("x"), .queue("q")] {
            #expect(plan.next()?.item == item)
            plan.answered(item, nil)
        }
        #expect(plan.next()?.item == Self.link)
        plan.answered(Self.link, PlannedDeclarationTests.no(.notFound, "NOT_FOUND - no exchange 'x' in vhost '/'"))
        #expect(plan.standing(ofQueue: "q") == .open)
    }

    @Test func `what nobody else declares is asked for again, with what waits for it`() {
        var plan = DeclarationPlan([Self.queue("out"), Self.binding("out", "x")])
        #expect(plan.next()?.item == .queue("out"))
        plan.answered(.queue("out"), PlannedDeclarationTests.nodeDown)
        #expect(plan.next() == nil)
        #expect(plan.hasOpen)
        plan.retry()
        #expect(plan.next()?.item == .queue("out"))
        plan.answered(.queue("out"), nil)
        #expect(plan.next()?.item == .queueBinding(of: "out", to: "x", key: "", number: 0))
        plan.answered(.queueBinding(of: "out", to: "x", key: "", number: 0), nil)
        #expect(!plan.hasOpen)
        #expect(plan.failures.isEmpty)
    }

    @Test func `what takes a person to change is not asked for again`() {
        var plan = DeclarationPlan([Self.queue("q")])
        _ = plan.next()
        #expect(
            plan.answered(.queue("q"), PlannedDeclarationTests.differs) == .refused(PlannedDeclarationTests.differs)
        )
        #expect(!plan.hasOpen)
        plan.retry()
        #expect(plan.next() == nil)
    }

    @Test func `a no is an answer, and silence is none`() {
        var plan = DeclarationPlan([Self.queue("a"), Self.queue("b")])
        _ = plan.next()
        _ = plan.next()
        plan.answered(.queue("a"), PlannedDeclarationTests.silent)
        #expect(plan.answers == 0)
        plan.answered(.queue("b"), PlannedDeclarationTests.differs)
        #expect(plan.answers == 1)
    }

    @Test func `a late second answer, or one about what was never asked, changes nothing`() {
        var plan = DeclarationPlan([Self.queue("q")])
        #expect(plan.answered(.queue("q"), nil) == nil)
        #expect(plan.answered(.queue("other"), nil) == nil)
        _ = plan.next()
        #expect(plan.answered(.queue("q"), nil) == .there)
        #expect(plan.answered(.queue("q"), PlannedDeclarationTests.differs) == nil)
        #expect(plan.standing(of: .queue("q")) == .there)
        #expect(plan.answers == 1)
    }

    @Test func `who ends every connection is not asked for`() {
        var plan = DeclarationPlan(Self.bound)
        plan.condemn(.queue("q"), PlannedDeclarationTests.no(.internalError))
        #expect(plan.next()?.item == .exchange("x"))
        plan.answered(.exchange("x"), nil)
        #expect(plan.next() == nil)
        #expect(plan.failures.map(\.isFinal) == [true])
    }
}
