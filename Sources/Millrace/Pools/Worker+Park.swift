import Logging
import AMQPClient
import AMQPWire

extension Worker {
    /// Sends a copy to where the message waits or rests; the original is acked when the broker has confirmed the copy.
    ///
    /// Copies travel on a confirm channel of their own: what goes wrong there costs no consumer.
    func park(_ delivery: InFlight, _ disposition: Disposition, _ channel: Channel) {
        let target: ParkingTarget
        var attempt: Int?
        var note: FailureNote?
        let settlement: Settlement
        switch disposition {
        case .settle(let settlement): return self.send(settlement, delivery.record.deliveryTag, channel)
        case .retry(let wait, let next):
            (target, settlement, attempt) = (.delay(wait), .retried, next)
            note = self.failureNote(delivery, nil)
        case .snooze(let wait): (target, settlement) = (.delay(wait), .snoozed)
        case .deadLetter(let reason):
            (target, settlement, attempt) = (.deadLetter, .deadLettered, delivery.countedAttempt)
            note = self.failureNote(delivery, reason)
        }
        self.park(delivery, to: target, as: settlement, attempt, note, channel)
    }

    private func park(
        _ delivery: InFlight,
        to target: ParkingTarget,
        as settlement: Settlement,
        _ attempt: Int?,
        _ note: FailureNote?,
        _ channel: Channel
    ) {
        let strings = DeliverStrings(delivery.slice(delivery.record.methodOffset, delivery.record.methodLength))
        let tag = delivery.record.deliveryTag
        do throws(AMQPError) {
            // A copy came through its delay queue, with the name of the job's queue for a key.
            let originalKey =
                delivery.isCopy
                ? delivery.readOrigin(strings).routingKeyText : String(decoding: strings.routingKey, as: UTF8.self)
            let place = try self.address(of: target, originalKey, deaths: delivery.deaths)
            func properties(_ note: FailureNote?) -> BasicProperties {
                var properties = MessageCopy.properties(
                    of: delivery.properties,
                    attempt: attempt,
                    origin: (FieldValue(textOctets: strings.exchange), FieldValue(textOctets: strings.routingKey)),
                    note: note,
                    seal: self.seal
                )
                var headers = properties.headers ?? FieldTable()
                place.delay?.write(to: &headers)
                if case .deadLetter = target { MessageDeaths.add(self.handle.job.queue, to: &headers) }
                properties.headers = headers
                return properties
            }
            let copy = ParkedCopy(
                deliveryTag: tag,
                settlement: settlement,
                address: place.address,
                body: Array(delivery.slice(delivery.record.bodyOffset, delivery.record.bodyLength)),
                properties: properties(note),
                briefProperties: properties(nil)
            )
            self.parked.add(copy, outputs: 1, now: MonotonicClock.coarseNow())
        } catch {
            guard channel.isOpen || self.handle.job.ack.mode == .none else { return self.counts.droppedAcks += 1 }
            return self.notParked(tag, "\(error)", channel)
        }
        self.releaseCopies(channel)
    }

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

    // MARK: Publishing

    /// Publishes the copies that may go now.
    func releaseCopies(_ channel: Channel) {
        let now = MonotonicClock.coarseNow()
        guard self.parked.hasUnsent(now: now), let parking = self.parkingOrGiveBack(channel) else { return }
        while let step = self.parked.next(now: now, mayWait: false) {
            guard self.publish(step, on: parking, channel) else { break }
        }
        self.parking?.sendAcks()  // has none: it sends what was published
    }

    /// - Returns: Whether there may be a next one.
    private func publish(
        _ step: OutputQueue<ParkedCopy>.Step,
        on parking: Channel,
        _ channel: Channel
    ) -> Bool {
        do throws(AMQPError) {
            let sequence: UInt64
            do throws(AMQPError) {
                sequence = try Self.publish(step.load, step.load.properties, step.token, on: parking)
            } catch  where error.code == .refusedLocally {
                sequence = try Self.publish(step.load, step.load.briefProperties, step.token, on: parking)
            }
            self.parked.sent(step.token)
            self.notePublished(.copies, sequence, for: step.load.deliveryTag, step.load.settlement, begins: 1)
            return true
        } catch {
            switch (error.scope, error.code) {
            case (.call, .timeout):
                guard let copy = self.parked.remove(step.token) else { return false }
                self.notParked(copy.deliveryTag, "\(error)", channel)
                return true
            case (.call, _):
                guard let copy = self.parked.remove(step.token) else { return true }
                self.canNotBeCopied(copy, "\(error)", channel)
                return true
            default:
                self.takeFromParking(channel)
                return false
            }
        }
    }

    private static func publish(
        _ copy: ParkedCopy,
        _ properties: BasicProperties,
        _ token: UInt64,
        on parking: Channel
    ) throws(AMQPError) -> UInt64 {
        try copy.body.withBytes { (body) throws(AMQPError) in
            try parking.publish(
                body,
                exchange: copy.address.exchange,
                routingKey: copy.address.routingKey,
                properties: properties,
                mandatory: true,
                token: token,
                until: MonotonicClock.deadline(in: Self.patience)
            )
        }
    }

    /// How long a copy waits for room on a connection that the broker does not read.
    private static var patience: Duration { .seconds(5) }

    private func parkingOrGiveBack(_ channel: Channel) -> Channel? {
        if let parking = self.parking, parking.isOpen { return parking }
        self.takeFromParking(channel)
        do throws(AMQPError) {
            let mailbox = Mailbox(waking: self.handle.mailbox, with: WorkerHandle.Signal.parking)
            let parking = try self.openForCopies(mailbox)
            try parking.selectConfirms()
            self.parking = parking
            self.handle.killSwitch?.opened(.copies, parking)
            return parking
        } catch {
            let copies = self.parked.removeAll()
            guard channel.isOpen || self.handle.job.ack.mode == .none else {
                self.counts.droppedAcks += copies.count
                return nil
            }
            for copy in copies { self.notParked(copy.deliveryTag, "\(error)", channel) }
            return nil
        }
    }

    /// A channel beside the one that consumes, whose requests do not outwait the broker's alarm.
    func openForCopies(_ mailbox: Mailbox) throws(AMQPError) -> Channel {
        try self.throwIfParkingPauses()
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
        let now = answers.isEmpty ? 0 : MonotonicClock.now()
        self.noteAnswers(.copies, answers)
        for answer in answers {
            guard let copy = self.parked.answered(answer.token, answer.verdict, now: now) else { continue }
            let (tag, address) = (copy.load.deliveryTag, copy.load.address)
            if copy.isReturned {
                self.forget(address)
                self.notParked(tag, "no queue took its copy, meant for \(address)", channel)
            } else {
                self.parkingPause.worked()
                self.ledger?.wasSetAside(tag)
                self.send(copy.load.settlement, tag, channel)
                self.noteSettled(tag)
            }
        }
        for copy in self.parked.takeRefused() {
            self.notParked(copy.deliveryTag, "\(copy.address) refused its copy (basic.nack)", channel)
        }
        _ = parking.takeReturnedMessages()  // told by their verdicts
        if !parking.isOpen { self.parkingEnded(parking, channel) }
    }

    private func parkingEnded(_ parking: Channel, _ channel: Channel) {
        self.parking = nil
        self.parkingPause.ended(now: MonotonicClock.now())
        let reason = parking.endReason
        let text = reason.map { "\($0)" } ?? "its channel ended"
        guard channel.isOpen || self.handle.job.ack.mode == .none else { return }  // the inputs went with it
        if case .connection = reason?.scope {
            for copy in self.parked.removeAll() {
                self.notParked(copy.deliveryTag, "its copy was not confirmed: \(text)", channel)
            }
            return
        }
        // The target's fault, or the broker's, and not the message's.
        let isInnocent =
            reason?.code == AMQPError.Code(.notFound) || reason?.code == AMQPError.Code(.accessRefused)
            || OutputFault.isOfBroker(reason)
        for copy in self.parked.channelEnded(isRefusal: false, now: MonotonicClock.now()) {
            self.forget(copy.address)
            if isInnocent {
                self.notParked(copy.deliveryTag, text, channel)
            } else {
                self.canNotBeCopied(copy, text, channel)
            }
        }
        self.releaseCopies(channel)
    }

    /// The message stays where it was and comes again, without its wait: slower, but not lost.
    private func notParked(_ tag: UInt64, _ reason: String, _ channel: Channel) {
        self.noteSettled(tag)
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

    /// The broker takes no copy of it, whatever the target: it leaves its queue by the broker's own dead-lettering, if
    /// its queue has that, and else is kept for a while before it goes back.
    private func canNotBeCopied(_ copy: ParkedCopy, _ reason: String, _ channel: Channel) {
        guard self.handle.job.ack.mode == .auto else { return self.notParked(copy.deliveryTag, reason, channel) }
        self.noteSettled(copy.deliveryTag)
        if let connection = self.source.current, self.topology.brokerDeadLetters(self.handle.job.queue, on: connection)
        {
            self.handle.logger.error(
                "a message can not be copied; the broker makes it a dead letter, without what we know of it",
                metadata: ["delivery": "\(copy.deliveryTag)", "reason": "\(reason)"]
            )
            return self.send(.reject, copy.deliveryTag, channel)
        }
        self.handle.logger.error(
            "a message can not be copied, and its queue has no dead_letter; it stays in its queue, and comes again",
            metadata: [
                "delivery": "\(copy.deliveryTag)", "reason": "\(reason)",
                "help": "give queue '\(self.handle.job.queue)' a dead_letter",
            ]
        )
        let now = MonotonicClock.now()
        guard !self.handle.isDraining,
            self.setAside.add(copy.deliveryTag, prefetch: Int(self.handle.job.prefetch), now: now)
        else { return self.send(.giveBack, copy.deliveryTag, channel, slowsDown: true) }
    }

    /// Gives back what was kept in hand because it could not be copied, and has been for long enough.
    func giveBackSetAside(_ channel: Channel) {
        for tag in self.setAside.due(now: MonotonicClock.now()) { self.send(.giveBack, tag, channel, slowsDown: true) }
    }
}
