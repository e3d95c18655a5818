import AMQPClient
import AMQPWire
import Logging

/// What a ticker's machine says is done here, and what it has to tell.
extension Ticker {
    func refused(_ reason: String) {
        self.machine.refused(self.now)
        self.logger.log(
            level: self.isTroubleSaid ? .debug : .warning,
            "a tick was not taken; it is sent again",
            metadata: ["queue": "\(self.schedule.queue)", "reason": "\(reason)"]
        )
        self.isTroubleSaid = true
    }

    func isMissing(_ error: AMQPError) {
        self.machine.queueChecked(isThere: false, self.now)
        self.logger.log(
            level: self.isMissingSaid ? .debug : .error,
            "the schedule's queue can not be had; it is looked for again, and nothing is ticked until it is there",
            metadata: ["queue": "\(self.schedule.queue)", "reason": "\(error)"]
        )
        self.isMissingSaid = true
    }

    func perform(
        _ step: ScheduleMachine.Step,
        _ channel: Channel,
        _ connection: Connection
    ) throws(AMQPError) {
        switch step {
        case .ack(let tags): for tag in tags { _ = channel.ack(tag: tag) }
        case .look:
            self.deadline = MonotonicClock.now() &+ Self.patience.nanoseconds
            let question = QueueDeclare(queue: self.schedule.clockQueue, passive: true)
            try channel.startRequest(question, expecting: .queueDeclareOk)
        case .checkQueue:
            do throws(AMQPError) {
                self.look = try QueueLook(
                    at: self.schedule.queue,
                    on: connection,
                    mailbox: self.lookMailbox,
                    patience: Self.patience
                )
            } catch {
                if error.scope == .connection { throw error }
                self.isMissing(error)
            }
        case .seed(let token): try self.publish(token, channel, as: Publish.untold)
        case .refresh(let token): try self.publish(token, channel, as: Publish.told)
        case .tick(let time):
            let properties = TickMessage.properties(
                self.schedule,
                time,
                in: self.zone,
                now: UInt64(clamping: self.clock.milliseconds / 1000)
            )
            try self.publish(self.schedule.body, self.schedule.queue, properties, channel, as: Publish.told)
            self.logger.debug("tick", metadata: ["id": "\(properties.messageID ?? "")"])
        }
    }

    private func publish(_ token: ScheduleToken, _ channel: Channel, as number: UInt64) throws(AMQPError) {
        let properties = TickMessage.properties(self.schedule.name, token)
        try self.publish([], self.schedule.clockQueue, properties, channel, as: number)
    }

    private func publish(
        _ body: [UInt8],
        _ queue: String,
        _ properties: BasicProperties,
        _ channel: Channel,
        as number: UInt64
    ) throws(AMQPError) {
        do throws(AMQPError) {
            try body.withBytes { (body) throws(AMQPError) in
                _ = try channel.publish(
                    body,
                    exchange: "",
                    routingKey: queue,
                    properties: properties,
                    mandatory: true,
                    token: number,
                    until: 0
                )
            }
        } catch {
            // Nothing was sent: there is no room, or the broker blocks publishers.
            guard error.scope == .call else { throw error }
            if number == Publish.told { self.refused("\(error)") }
        }
    }

    func say() {
        for note in self.machine.takeNotes() {
            switch note {
            case .leads(let since):
                let time = TickTime.text(since, offset: 0)
                self.logger.info("this supervisor ticks the schedule from here on", metadata: ["since": "\(time)"])
            case .leftOut(let first):
                self.logger.notice(
                    "times of the schedule have passed with nobody there, and are left out as catch_up and deadline say",
                    metadata: ["from": "\(TickTime.text(first, offset: 0))"]
                )
            case .wasAhead(let milliseconds):
                self.logger.error(
                    "the schedule was ticked for a time to come, by a clock that was wrong; that is forgotten",
                    metadata: ["ahead_ms": .number(UInt64(clamping: milliseconds))]
                )
            }
        }
    }
}
