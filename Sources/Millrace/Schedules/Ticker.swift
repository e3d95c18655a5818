import AMQPClient
import AMQPWire
import Logging

/// One schedule on the scheduler's thread: a channel on which its clock queue is consumed and its ticks are published.
///
/// One channel for both: whoever has lost the token can not tick any more. It waits for no answer but that a channel is
/// open, so that a schedule whose queue is in trouble holds up no other.
final class Ticker {
    private enum Phase {
        case closed
        case declaring(Channel)
        case consuming(Channel)
        case running(Channel)
    }

    let schedule: ScheduleDefinition
    let zone: ZoneTable
    var machine: ScheduleMachine
    private let mailbox: Mailbox
    let lookMailbox: Mailbox
    let logger: Logger
    private var phase = Phase.closed
    private var channelsOpened = 0
    /// When an answer has to be there.
    var deadline: UInt64?
    private var notBefore: UInt64 = 0
    private var backoff: Backoff
    /// When it ticks next, in nanoseconds of the job clock; 0 while it waits for an answer, the largest number while it can not tick.
    private(set) var nextTick: UInt64 = 0
    let clock: JobClock
    var isTroubleSaid = false
    var isMissingSaid = false
    var look: QueueLook?
    /// Since when its clock queue is consumed.
    private var runningSince: UInt64?

    /// What fails after so long is new trouble.
    private static let steady: UInt64 = 60_000_000_000
    /// How long an answer may take.
    static let patience = Duration.seconds(5)
    private static let prefetch: UInt16 = 1000
    enum Publish {
        static let untold: UInt64 = 0
        static let told: UInt64 = 1
    }

    /// - Parameters:
    ///   - schedule: What it says.
    ///   - mailbox: Where its thread waits.
    ///   - recovery: How it pauses after a failure.
    ///   - clock: By which it ticks.
    ///   - logger: Gets what is worth a line.
    /// - Throws: What is wrong with the expression or the zone.
    init(
        _ schedule: ScheduleDefinition,
        waking mailbox: Mailbox,
        recovery: RecoverySettings,
        clock: JobClock = .system,
        logger: Logger
    ) throws {
        self.clock = clock
        self.schedule = schedule
        self.zone = try schedule.zone()
        self.mailbox = Mailbox(waking: mailbox, with: Scheduler.Signal.channel)
        self.lookMailbox = Mailbox(waking: mailbox, with: Scheduler.Signal.channel)
        self.backoff = Backoff(recovery)
        var logger = logger
        logger[metadataKey: "schedule"] = "\(schedule.name)"
        self.logger = logger
        self.machine = ScheduleMachine(
            try schedule.rule(in: self.zone),
            named: schedule.ruleName,
            catchUp: schedule.catchUp,
            deadline: schedule.deadline.map(\.wholeMilliseconds),
            shift: Int64(ProcessRandom.share() * Double(ScheduleMachine.freshness / 2))
        )
    }

    var now: ScheduleMachine.Now {
        ScheduleMachine.Now(wall: self.clock.milliseconds, steady: Int64(self.clock.now / 1_000_000))
    }

    // MARK: Work

    /// Does what is to be done now.
    ///
    /// - Parameter connection: The one of the moment.
    /// - Returns: When to come again though nothing comes, in nanoseconds of the monotonic clock.
    /// - Throws: Why the connection ended.
    func work(_ connection: Connection) throws(AMQPError) -> UInt64 {
        do throws(AMQPError) {
            return try self.goOn(connection)
        } catch {
            self.close()
            self.nextTick = .max
            if error.scope == .connection { throw error }
            if let runningSince, MonotonicClock.now() &- runningSince > Self.steady {
                self.backoff.reset()
                self.isTroubleSaid = false
            }
            self.runningSince = nil
            let wait = self.backoff.next(random: ProcessRandom.share())
            self.notBefore = MonotonicClock.now() &+ wait
            let metadata: Logger.Metadata = ["reason": "\(error)", "after_ms": .number(wait / 1_000_000)]
            self.logger.log(
                level: self.isTroubleSaid ? .debug : .error,
                "the schedule can not go on; it is tried again, and what is due meanwhile is made good as catch_up says",
                metadata: metadata
            )
            self.isTroubleSaid = true
            return self.notBefore
        }
    }

    private func goOn(_ connection: Connection) throws(AMQPError) -> UInt64 {
        self.nextTick = 0
        switch self.phase {
        case .closed:
            guard MonotonicClock.now() >= self.notBefore else {
                self.nextTick = .max
                return self.notBefore
            }
            try self.open(connection)
        case .declaring(let channel):
            channel.pump(until: 0)
            if channel.finishDeclareQueue() {
                self.channelsOpened += 1
                try channel.startConsume(self.schedule.clockQueue, tag: self.tag)
                self.await(.consuming(channel))
            } else {
                try self.throwIfOver(channel)
            }
        case .consuming(let channel):
            channel.pump(until: 0)
            if channel.finishConsume(self.tag) {
                self.phase = .running(channel)
                self.deadline = nil
                self.runningSince = MonotonicClock.now()
                self.machine.opened(self.now)
                return try self.run(channel, connection)
            }
            try self.throwIfOver(channel)
        case .running(let channel): return try self.run(channel, connection)
        }
        return self.deadline ?? 0
    }

    private var tag: String { "clock.\(self.channelsOpened)" }

    private func open(_ connection: Connection) throws(AMQPError) {
        let channel = try connection.openChannel(
            mailbox: self.mailbox,
            outwaitsBlocks: false,
            timeout: Self.patience,
            reads: false
        )
        self.phase = .declaring(channel)
        try channel.prefetch(Self.prefetch)
        try channel.selectConfirms()
        let arguments: FieldTable = ["x-queue-type": .string("quorum"), "x-single-active-consumer": .bool(true)]
        try channel.startDeclareQueue(self.schedule.clockQueue, arguments: arguments)
        self.await(.declaring(channel))
    }

    private func await(_ phase: Phase) {
        self.phase = phase
        self.deadline = MonotonicClock.now() &+ Self.patience.nanoseconds
    }

    private func throwIfOver(_ channel: Channel) throws(AMQPError) {
        if let reason = channel.endReason { throw reason }
        if let deadline, MonotonicClock.now() >= deadline {
            throw AMQPError(.timeout, scope: .channel(channel.number), text: "the broker gives no answer")
        }
    }

    // MARK: Running

    private func run(_ channel: Channel, _ connection: Connection) throws(AMQPError) -> UInt64 {
        channel.pump(until: 0)
        self.takeTokens(channel)
        self.takeAnswers(channel)
        try self.throwIfOver(channel)
        guard channel.takeCancelledConsumers().isEmpty else {
            throw AMQPError(
                .consumerCancelled,
                scope: .channel(channel.number),
                text: "the broker ended the consumer of '\(self.schedule.clockQueue)': it was deleted, or moved"
            )
        }
        let (steps, wake) = self.machine.advance(self.now)
        for step in steps { try self.perform(step, channel, connection) }
        channel.sendAcks()
        self.say()
        let due = UInt64(clamping: wake).multipliedReportingOverflow(by: 1_000_000)
        let tick = due.overflow ? UInt64.max : due.partialValue
        let isWaiting = self.deadline != nil || self.look != nil || channel.unconfirmedCount > 0
        self.nextTick = isWaiting ? 0 : tick
        let wakes = [self.clock.machineTime(tick), self.deadline, self.look?.wake]
        return wakes.compactMap(\.self).min() ?? .max
    }

    private func takeTokens(_ channel: Channel) {
        while let batch = channel.takeBatch() {
            for record in batch.records {
                let header = batch.block.slice(record.headerOffset, record.headerLength)
                let properties = BasicProperties(salvaging: header)
                guard let token = TickMessage.token(properties) else {
                    self.logger.debug("a message in the clock queue that says no time is dropped")
                    _ = channel.ack(tag: record.deliveryTag)
                    continue
                }
                let isWorn = record.redelivered && TickMessage.isWorn(properties)
                self.machine.received(record.deliveryTag, token, isWorn: isWorn, self.now)
            }
        }
    }

    private func takeAnswers(_ channel: Channel) {
        // Behind the tokens that came before it.
        if case .reply(.queueDeclareOk(let ok))? = channel.takeReply() {
            self.deadline = nil
            self.machine.looked(ready: Int(ok.messageCount), self.now)
        }
        for answer in channel.takeVerdicts() where answer.token == Publish.told {
            switch answer.verdict {
            case .confirmed:
                self.machine.confirmed(self.now)
                self.isTroubleSaid = false
            case .refused: self.refused("the broker refused it (basic.nack)")
            case .returned: self.refused("no queue took it")
            case .unknown: break  // told by the channel's end
            }
        }
        _ = channel.takeReturnedMessages()
        guard let answer = self.look?.answer else { return }
        self.look = nil
        switch answer {
        case .success:
            self.isMissingSaid = false
            self.machine.queueChecked(isThere: true, self.now)
        case .failure(let error): self.isMissing(error)
        }
    }

    // MARK: The end

    /// Lets the channel go, if there is one, until it is worked again.
    func rest() {
        self.nextTick = .max
        if case .closed = self.phase { return }
        self.close()
        self.logger.info("this supervisor does not tick the schedule: it is paused")
    }

    /// Lets the channel go: whoever is next gets the token.
    func close() {
        switch self.phase {
        case .closed: break
        case .declaring(let channel), .consuming(let channel), .running(let channel): _ = channel.startClose()
        }
        self.phase = .closed
        self.deadline = nil
        self.look = nil
        self.machine.closed()
    }
}
