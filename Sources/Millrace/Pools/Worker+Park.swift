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
        func properties(_ note: FailureNote?) -> BasicProperties {
            MessageCopy.properties(
                of: delivery.properties,
                attempt: attempt,
                exchange: exchange,
                routingKey: routingKey,
                note: note
            )
        }
        let tag = delivery.record.deliveryTag
        do throws(AMQPError) {
            let parking = try self.parkingChannel(channel)
            // A copy came through its delay queue, with the name of the job's queue for a key.
            let originalKey = delivery.isCopy ? delivery.readOrigin(strings).routingKeyText : routingKey
            let address = try self.address(of: target, originalKey)
            let token = self.parked.add(
                ParkedInputs.Input(deliveryTag: tag, settlement: settlement, address: address)
            )
            do throws(AMQPError) {
                let sequence: UInt64
                do throws(AMQPError) {
                    sequence = try self.publishCopy(of: delivery, properties(note), to: address, token, on: parking)
                } catch  where error.code == .refusedLocally && note != nil {
                    // The headers do not fit into a frame with the note: without it they may.
                    sequence = try self.publishCopy(of: delivery, properties(nil), to: address, token, on: parking)
                }
                self.notePublished(.copies, sequence, for: tag, settlement, begins: 1)
            } catch {
                _ = self.parked.remove(token)
                throw error
            }
        } catch {
            guard channel.isOpen || self.handle.job.ack.mode == .none else { return self.counts.droppedAcks += 1 }
            self.notParked(tag, "\(error)", channel)
        }
        self.parking?.sendAcks()  // has none: it sends what was published
    }

    private func publishCopy(
        of delivery: InFlight,
        _ properties: BasicProperties,
        to address: CopyAddress,
        _ token: UInt64,
        on parking: Channel
    ) throws(AMQPError) -> UInt64 {
        try parking.publish(
            delivery.slice(delivery.record.bodyOffset, delivery.record.bodyLength),
            exchange: address.exchange,
            routingKey: address.routingKey,
            properties: properties,
            mandatory: true,
            token: token,
            until: MonotonicClock.deadline(in: Self.patience)
        )
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

    private func parkingChannel(_ channel: Channel) throws(AMQPError) -> Channel {
        if let parking = self.parking, parking.isOpen { return parking }
        self.takeFromParking(channel)
        let mailbox = Mailbox(waking: self.handle.mailbox, with: WorkerHandle.Signal.parking)
        let parking = try self.openForCopies(mailbox)
        try parking.selectConfirms()
        self.parking = parking
        self.handle.killSwitch?.opened(.copies, parking)
        return parking
    }

    /// A channel beside the one that consumes, whose requests do not outwait the broker's alarm.
    func openForCopies(_ mailbox: Mailbox) throws(AMQPError) -> Channel {
        let connection = try self.connectionForOutputs()
        try Self.throwIfBlocked(connection)
        return try connection.openChannel(mailbox: mailbox, outwaitsBlocks: false)
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
        let answers = parking.takeVerdicts()
        self.noteAnswers(.copies, answers)
        for answer in answers {
            guard let input = self.parked.remove(answer.token) else { continue }
            defer { self.noteSettled(input.deliveryTag) }
            switch answer.verdict {
            case .confirmed:
                self.ledger?.wasSetAside(input.deliveryTag)
                self.send(input.settlement, input.deliveryTag, channel)
            case .returned:
                self.parkingQueues.forget(input.address.key)
                self.notParked(input.deliveryTag, "no queue took its copy, meant for \(input.address)", channel)
            case .refused:
                self.notParked(input.deliveryTag, "\(input.address) refused its copy (basic.nack)", channel)
            case .unknown:
                self.parkingQueues.forget(input.address.key)
                let reason = parking.endReason.map { "\($0)" } ?? "its channel ended"
                self.notParked(input.deliveryTag, "its copy was not confirmed: \(reason)", channel)
            }
        }
        _ = parking.takeReturnedMessages()  // told by their verdicts
        if !parking.isOpen { self.parking = nil }
    }

    /// The message stays where it was and comes again, without its wait: slower, but not lost.
    private func notParked(_ tag: UInt64, _ reason: String, _ channel: Channel) {
        let isAcked = self.handle.job.ack.mode == .auto
        self.handle.logger.error(
            isAcked
                ? "a message could not be set aside; it goes back to its queue"
                : "a message without acks could not be set aside; it is lost",
            metadata: ["delivery": "\(tag)", "reason": "\(reason)"]
        )
        if isAcked {
            // Nothing is wrong with the message: a reject would count toward its queue's delivery limit.
            self.send(.giveBack, tag, channel, slowsDown: true)
        } else {
            self.counts.lost += 1
            self.noteRefusedCopy()
        }
    }
}
