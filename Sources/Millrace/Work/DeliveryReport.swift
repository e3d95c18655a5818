import AMQPClient
import AMQPWire

/// What has become of one delivery, for tests of whole job files.
package struct DeliveryReport: Sendable, Equatable {
    package enum Event: Sendable, Equatable {
        /// Its handler's word, or whoever's decides in its place, and what follows for the message.
        case ended(HandlerVerdict, reason: String?, delay: UInt64, End)
        /// Its handler ran longer than the job's timeout.
        case overran
        /// An output of it can not be delivered, which fails it.
        case outputFailed(String)
    }

    package enum End: Sendable, Equatable {
        /// Acked, or dropped on purpose.
        case done
        /// Acked when its outputs are confirmed.
        case publishes
        /// A copy waits, or the broker gives it out again.
        case comesAgain
        /// A copy becomes a dead letter, for this reason.
        case dead(String)
    }

    package let job: String
    /// Its `message-id`.
    package let messageID: String?
    /// The first octets of its body.
    package let start: [UInt8]
    /// From 1.
    package let attempt: Int
    package let event: Event
}

/// What a supervisor's workers go by that a test gives them.
package struct WorkHooks: Sendable {
    /// By which messages wait.
    package var clock = JobClock.system
    /// Told of each delivery before it is settled, on its worker's thread.
    package var observe: (@Sendable (DeliveryReport) -> Void)?

    package init() {}
}

extension Worker {
    /// What the long way of settling does not see.
    @inline(never)
    func reportEnd(of delivery: InFlight) {
        // One that has its thread for itself is asked nothing: it may have looked, or not, and is late all the same.
        let isLate = self.hands.timeout.map { MonotonicClock.now() > delivery.beganAt &+ $0 } ?? false
        if delivery.hasOverrun || (isLate && !delivery.isCutShort) { self.report(delivery.held, .overran) }
        guard delivery.verdict == .ack, delivery.publications.isEmpty else { return }
        self.report(delivery.held, .ended(.ack, reason: nil, delay: 0, .done))
    }

    func report(_ held: HeldDelivery, _ event: DeliveryReport.Event) {
        guard let observe = self.hooks.observe else { return }
        let record = held.record
        let body = held.bytes[Int(record.bodyOffset)..<Int(record.bodyOffset) + Int(record.bodyLength)]
        observe(
            DeliveryReport(
                job: self.handle.job.name,
                messageID: held.properties.messageID,
                start: Array(body.prefix(60)),
                attempt: held.attempt(at: self.queue(of: held), self.hands.seal),
                event: event
            )
        )
    }

    func report(_ held: HeldDelivery, _ settling: Settling, _ step: Settler.Step) {
        guard self.hooks.observe != nil else { return }
        let end: DeliveryReport.End =
            switch step {
            case .settle(.ack), .settle(.discard): .done
            case .settle(.reject): .dead("rejected")
            case .settle, .drop: .comesAgain
            case .publish: .publishes
            case .copy(let order):
                order.target == .deadLetter ? .dead(order.note?.reason?.rawValue ?? "dead") : .comesAgain
            }
        self.report(held, .ended(settling.verdict, reason: settling.reason, delay: settling.delay, end))
    }
}
