import AMQPClient
import AMQPWire
import Millrace
import Testing

/// What each answer of a broker means for what was asked.
@Suite struct PlannedDeclarationTests {
    typealias Outcome = PlannedDeclaration.Outcome

    static func no(_ code: ReplyCode, _ text: String = "") -> AMQPError {
        AMQPError(closeCode: code, text: text, classID: 50, methodID: 10, scope: .channel(1))
    }

    private static func queue(
        ifDifferent: PlannedDeclaration.Difference = .refused,
        ifMissing: PlannedDeclaration.Missing = .refused
    ) -> PlannedDeclaration {
        PlannedDeclaration(
            .queue("q"),
            .queue(QueueDeclare(queue: "q", durable: false)),
            ifDifferent: ifDifferent,
            ifMissing: ifMissing
        )
    }

    private static let binding = PlannedDeclaration(
        .queueBinding(of: "q", to: "x", key: "k", number: 0),
        .queueBinding(QueueBind(queue: "q", exchange: "x", routingKey: "k")),
        ifMissing: .awaited
    )

    static let nodeDown = Self.no(
        .notFound,
        "NOT_FOUND - home node 'a@b' of durable queue 'q' in vhost '/' is down or inaccessible"
    )
    static let locked = Self.no(
        .resourceLocked,
        "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'"
    )
    static let missing = Self.no(.notFound, "NOT_FOUND - no queue 'q' in vhost '/'")
    static let differs = Self.no(
        .preconditionFailed,
        "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'"
    )
    static let limited = Self.no(
        .preconditionFailed,
        "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received the value '-1' of"
            + " type 'long' but current is none"
    )
    static let forbidden = Self.no(
        .accessRefused,
        "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'u'"
    )
    static let silent = AMQPError(.timeout, scope: .channel(1), text: "no answer")

    static let healing = [
        Self.nodeDown, Self.locked, Self.silent,
        Self.no(.notFound, "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor"),
        Self.no(.notFound, "NOT_FOUND - queue 'q' in vhost '/' has crashed and failed to restart"),
        Self.no(.notFound, "NOT_FOUND - failed to perform operation on queue 'q' in vhost '/' due to timeout"),
        Self.no(.resourceError, "RESOURCE_ERROR"), Self.no(.internalError, "INTERNAL_ERROR"),
        Self.no(.preconditionFailed, "PRECONDITION_FAILED - Server low on disk space"),
        AMQPError(.channelsExhausted, scope: .call, text: "none left"),
    ]

    @Test(arguments: healing)
    func `what heals by itself is asked for again, whatever the file says of mismatches and missing queues`(
        error: AMQPError
    ) {
        for ifDifferent in [PlannedDeclaration.Difference.refused, .kept, .keptWithoutDeliveryLimit] {
            let planned = Self.queue(ifDifferent: ifDifferent)
            #expect(planned.outcome(of: .declare, error) == .later(error))
        }
        #expect(Self.binding.outcome(of: .declare, error) == .later(error))
        #expect(Self.queue(ifDifferent: .kept).outcome(of: .look(difference: Self.differs), error) == .later(error))
    }

    @Test func `what takes a person is final`() {
        for error in [Self.forbidden, Self.differs, Self.missing] {
            #expect(Self.queue().outcome(of: .declare, error) == .refused(error))
        }
        #expect(Self.binding.outcome(of: .declare, Self.forbidden) == .refused(Self.forbidden))
    }

    @Test func `a queue that is missing, or what a binding needs, may be made by somebody else`() {
        #expect(Self.queue(ifMissing: .awaited).outcome(of: .declare, Self.missing) == .later(Self.missing))
        let exchange = Self.no(.notFound, "NOT_FOUND - no exchange 'x' in vhost '/'")
        #expect(Self.binding.outcome(of: .declare, exchange) == .later(exchange))
    }

    @Test func `on_mismatch: keep looks whether it is there, and a refusal of what was asked for stays one`() {
        let planned = Self.queue(ifDifferent: .kept)
        let look = PlannedDeclaration.Question.look(difference: Self.differs)
        #expect(planned.outcome(of: .declare, Self.differs) == .ask(look))
        #expect(planned.declaration(look) == .queue(QueueDeclare(queue: "q", passive: true, durable: true)))
        #expect(planned.outcome(of: look, nil) == .kept(Self.differs))
        #expect(planned.outcome(of: look, Self.missing) == .refused(Self.differs))
        #expect(planned.outcome(of: .declare, Self.forbidden) == .refused(Self.forbidden))
    }

    @Test func `a queue that was made without a limit of -1 is kept for that alone`() {
        let planned = Self.queue(ifDifferent: .keptWithoutDeliveryLimit)
        #expect(planned.outcome(of: .declare, Self.limited) == .ask(.look(difference: Self.limited)))
        #expect(planned.outcome(of: .declare, Self.differs) == .refused(Self.differs))
    }

    @Test func `where dead letters go is looked at first, and made if nobody has it`() {
        let planned = Self.queue(ifMissing: .made)
        #expect(planned.outcome(of: .declare, nil) == .there)
        #expect(planned.outcome(of: .declare, Self.missing) == .ask(.make))
        #expect(planned.declaration(.make) == .queue(QueueDeclare(queue: "q", durable: true)))
        #expect(planned.outcome(of: .make, nil) == .there)
        #expect(planned.outcome(of: .make, Self.forbidden) == .refused(Self.forbidden))
        for error in [Self.nodeDown, Self.silent] { #expect(planned.outcome(of: .declare, error) == .later(error)) }
        // Somebody has it, as a queue of their own.
        #expect(planned.outcome(of: .declare, Self.locked) == .there)
    }
}
