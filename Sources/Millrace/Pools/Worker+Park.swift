import Logging
import AMQPClient
import AMQPWire

extension Worker {
    /// Sends a copy to where the message waits or rests; the original is acked when the broker has confirmed the copy.
    ///
    /// Copies travel on a confirm channel of their own: what goes wrong there costs no consumer.
    func park(_ delivery: InFlight, _ disposition: Disposition, _ channel: Channel) {
        let strings = DeliverStrings(delivery.slice(delivery.record.methodOffset, delivery.record.methodLength))
        let exchange = String(decoding: strings.exchange, as: UTF8.self)
        let routingKey = String(decoding: strings.routingKey, as: UTF8.self)
        let target: ParkingTarget
        var attempt: Int?
        var note: FailureNote?
        let settlement: Settlement
        switch disposition {
        case .settle(let settlement): return self.send(settlement, delivery.record.deliveryTag, channel)
        case .retry(let step, let next):
            (target, settlement, attempt) = (.delay(step), .retried, next)
            note = self.failureNote(delivery, nil)
        case .snooze(let step): (target, settlement) = (.delay(step), .snoozed)
        case .deadLetter(let reason):
            (target, settlement, attempt) = (.deadLetter, .deadLettered, delivery.countedAttempt)
            note = self.failureNote(delivery, reason)
        }
        let properties = MessageCopy.properties(
            of: delivery.properties,
            attempt: attempt,
            exchange: exchange,
            routingKey: routingKey,
            note: note
        )
        let tag = delivery.record.deliveryTag
        do throws(AMQPError) {
            let parking = try self.parkingChannel(channel)
            let address = try self.address(of: target, routingKey, parking)
            let token = self.parked.add(
                ParkedInputs.Input(deliveryTag: tag, settlement: settlement, target: address.routingKey)
            )
            do throws(AMQPError) {
                _ = try parking.publish(
                    delivery.slice(delivery.record.bodyOffset, delivery.record.bodyLength),
                    exchange: address.exchange,
                    routingKey: address.routingKey,
                    properties: properties,
                    mandatory: true,
                    token: token,
                    until: MonotonicClock.deadline(in: Self.patience)
                )
            } catch {
                _ = self.parked.remove(token)
                throw error
            }
            self.noteFailure(settlement)
        } catch {
            guard channel.isOpen else { return self.counts.droppedAcks += 1 }
            self.notParked(tag, "\(error)", channel)
        }
        self.parking?.sendAcks()  // has none: it sends what was published
    }

    /// How long a copy waits for room on a connection that the broker does not read.
    private static var patience: Duration { .seconds(5) }

    private func failureNote(_ delivery: InFlight, _ reason: FailureNote.Reason?) -> FailureNote {
        FailureNote(
            job: self.handle.job.name,
            queue: self.handle.job.queue,
            place: "\(self.entry.name) on \(HostName.own)",
            error: delivery.reason ?? "none given",
            time: WallClock.seconds(),
            reason: reason
        )
    }

    // MARK: Targets

    enum ParkingTarget { case delay(DelayStep), deadLetter }

    /// Where a copy goes; its queue is there when this returns.
    private func address(
        of target: ParkingTarget,
        _ routingKey: String,
        _ parking: Channel
    ) throws(AMQPError) -> (exchange: String, routingKey: String) {
        let queue = self.handle.job.queue
        switch target {
        case .delay(let step):
            let name = step.queueName(for: queue)
            let now = MonotonicClock.now()
            if self.parkingQueues.mustDeclare(name, now: now) {
                let arguments = step.arguments(for: queue, isQuorum: self.topology.isQuorum(queue))
                _ = try parking.declareQueue(name, arguments: arguments)
                self.parkingQueues.wasDeclared(name, isDelay: true, now: now)
            }
            return ("", name)
        case .deadLetter:
            let target = self.topology.deadLetter(of: queue)
            if target.isOurs, self.parkingQueues.mustDeclare(target.name, now: MonotonicClock.now()) {
                let arguments: FieldTable = self.topology.isQuorum(queue) ? ["x-queue-type": .string("quorum")] : [:]
                _ = try parking.declareQueue(target.name, arguments: arguments)
                self.parkingQueues.wasDeclared(target.name, isDelay: false, now: MonotonicClock.now())
            }
            return (target.exchange, target.routingKey ?? routingKey)
        }
    }

    private func parkingChannel(_ channel: Channel) throws(AMQPError) -> Channel {
        if let parking = self.parking, parking.isOpen { return parking }
        self.takeFromParking(channel)
        let connection = try self.connectionForOutputs()
        try Self.throwIfBlocked(connection)
        let mailbox = Mailbox(waking: self.handle.mailbox, with: WorkerHandle.Signal.parking)
        let parking = try connection.openChannel(mailbox: mailbox, outwaitsBlocks: false)
        try parking.selectConfirms()
        self.parking = parking
        return parking
    }

    /// While the broker blocks publishers a channel could not even be opened.
    static func throwIfBlocked(_ connection: Connection) throws(AMQPError) {
        guard connection.isBlocked else { return }
        throw AMQPError(
            .timeout,
            scope: .connection,
            text: "the broker blocks the connection: it reads nothing from it"
        )
    }

    // MARK: Answers

    /// Takes in what the channel for copies has got, if there is one.
    func takeFromParking(_ channel: Channel) {
        guard let parking = self.parking else { return }
        parking.pump(until: 0)
        for answer in parking.takeVerdicts() {
            guard let input = self.parked.remove(answer.token) else { continue }
            switch answer.verdict {
            case .confirmed: self.send(input.settlement, input.deliveryTag, channel)
            case .returned:
                self.parkingQueues.forget(input.target)
                self.notParked(input.deliveryTag, "no queue took its copy, meant for '\(input.target)'", channel)
            case .refused:
                self.notParked(input.deliveryTag, "'\(input.target)' refused its copy (basic.nack)", channel)
            case .unknown:
                let reason = parking.endReason.map { "\($0)" } ?? "its channel ended"
                self.notParked(input.deliveryTag, "its copy was not confirmed: \(reason)", channel)
            }
        }
        _ = parking.takeReturnedMessages()  // told by their verdicts
        if !parking.isOpen { self.parking = nil }
    }

    /// The message stays where it was and comes again, without its wait: slower, but not lost.
    private func notParked(_ tag: UInt64, _ reason: String, _ channel: Channel) {
        self.handle.logger.error(
            "a message could not be set aside; it goes back to its queue",
            metadata: ["delivery": "\(tag)", "reason": "\(reason)"]
        )
        self.send(.rejectRequeue, tag, channel)
    }
}
