import AMQPClient
import Logging
import NIOCore
import Synchronization

/// One run of a supervisor, on its thread: takes events, asks its ``SupervisorMachine``, and does what that says.
struct SupervisorRun {
    let supervisor: Supervisor
    let group: any EventLoopGroup
    var endpoints: [Endpoint]
    var connection: Connection?
    /// The way to another broker, while it lasts.
    var move: MoveUnderWay?
    var outlet: RecoveringConnection?
    /// Whether nothing of it needs the event loop any more.
    var hasOutletEnded = true
    /// The attempt that is under way, and the connections that have ended since it began.
    var connecting:
        (attempt: ConnectAttempt, endpoint: Endpoint, ends: [(reporter: ConnectionReporter, error: AMQPError)])?
    var reporter: ConnectionReporter?  // the connection holds it weakly
    /// Its clock stands still while the process does.
    var machine: SupervisorMachine
    private var stopped = StoppedTime()
    var keeper: ConnectionKeeper
    var generator = ProcessRandom()
    var nextAttempt: UInt64 = 0
    private var nextStatus: UInt64 = 0
    private var consumers: ConsumerWatch<ObjectIdentifier>
    private var once = OnceWatch()
    /// What had been received when everything was worked off; nil before.
    var workedOffAt: Int?
    private var nextOnceCheck: UInt64 = 0
    var redone = RedoneWork()
    private var queues: QueueLooks
    private var limits: RunLimits
    private var waiters = DrainWaiters()
    /// Nil unless this process has a back end for numbers.
    private var feed = MetricsFeed.ofProcess
    private var settledRates = SettledRates()
    private var nextRates: UInt64 = 0
    /// Of the file that it works by.
    private var generation = 0

    private static let tick: UInt64 = 200_000_000

    var logger: Logger { self.supervisor.logger }

    init(_ supervisor: Supervisor, group: any EventLoopGroup) {
        self.supervisor = supervisor
        self.group = group
        self.limits = supervisor.options.limits
        self.consumers = ConsumerWatch(limit: supervisor.options.consumeTimeout)
        self.queues = QueueLooks(supervisor.options)
        self.machine = SupervisorMachine(
            shutdownTimeout: supervisor.file.shutdownTimeout,
            killTimeout: supervisor.file.killTimeout
        )
        self.endpoints = supervisor.endpoints(of: supervisor.file.connection) { error in
            supervisor.logger.error("a connection URI can not be used", metadata: ["reason": "\(error)"])
        }
        self.keeper = ConnectionKeeper(
            endpointCount: self.endpoints.count,
            settings: supervisor.file.connection.recovery,
            patience: supervisor.options.once ? .once : .untilRefusedFor(Self.patienceWithRefusals)
        )
    }

    /// A password that was right may be wrong for a while: it is being changed, or whoever knows it is away.
    private static let patienceWithRefusals = Duration.seconds(3600)

    mutating func run() -> ExitStatus {
        guard !self.endpoints.isEmpty else { return .configuration }
        while true {
            if self.machine.isRunning, let status = self.connectIfDue() { return status }
            let wake = max(self.wake, MonotonicClock.now())
            let events = self.supervisor.inbox.take(until: wake)
            self.supervisor.lastTick.store(MonotonicClock.now(), ordering: .relaxed)
            self.stopped.waited(until: wake, now: MonotonicClock.now())
            let status = self.machine.isRunning ? self.work(events) : self.endWork(events)
            if let status { return status }
        }
    }

    /// The file may be another one by now: its brokers and its times are.
    private mutating func followFile() {
        let (file, generation) = self.supervisor.board.withLock { ($0.file, $0.generation) }
        guard generation != self.generation else { return }
        self.generation = generation
        self.machine.setTimeouts(shutdown: file.shutdownTimeout, kill: file.killTimeout)
        let renewed = self.supervisor.endpoints(of: file.connection)
        if !renewed.isEmpty, renewed != self.endpoints {
            self.endpoints = renewed
            self.keeper.replaced(endpoints: renewed.count)
            self.nextAttempt = 0
        }
        guard self.connection != nil else { return }
        self.supervisor.declareAgain()
        self.supervisor.startPools()
    }

    private var mayConnect: Bool { self.connection == nil && self.connecting == nil }

    private mutating func connectIfDue() -> ExitStatus? {
        self.mayConnect && MonotonicClock.now() >= self.nextAttempt ? self.startConnecting() : nil
    }

    var machineTime: UInt64 { MonotonicClock.now() &- self.stopped.total }

    private var wake: UInt64 {
        var wake = MonotonicClock.now() &+ Self.tick
        if let end = self.machine.wake { wake = min(wake, end &+ self.stopped.total) }
        if self.machine.isRunning, self.mayConnect { wake = min(wake, self.nextAttempt) }
        if let end = self.limits.wake(now: MonotonicClock.now()) { wake = min(wake, end) }
        if self.supervisor.options.statusInterval != nil { wake = min(wake, self.nextStatus) }
        return wake
    }

    /// A round while it runs; a status if that is the end.
    private mutating func work(_ events: SupervisorInbox.Events) -> ExitStatus? {
        if events.stopRequests > 0 {
            self.refuse(events.commands)
            self.endWaiting()
            self.dropConnection(of: events)
            self.handle(events)
            return self.stop(events.stopRequests)
        }
        if let outcome = events.connectOutcome, let status = self.connectEnded(outcome) { return status }
        self.handle(events)
        for (command, reply) in events.commands {
            if self.waiters.take(command, reply) || self.takeMove(command, reply) { continue }
            let answer = self.supervisor.carryOut(command)
            self.followFile()
            reply(answer)
        }
        self.lookAtMove(events)
        self.supervisor.endOverrides()
        self.waiters.look(self.supervisor, now: MonotonicClock.now())
        self.queues.follow(events.backlogs, self.supervisor, self.connection, now: MonotonicClock.now())
        self.watch()
        self.supervisor.look(&self.consumers, now: MonotonicClock.now())
        for pool in self.supervisor.pools { pool.follow(now: pool.clock.now) }
        self.supervisor.forgetLeft()
        self.supervisor.changeReturner()
        self.supervisor.noteFailedPools()
        if self.supervisor.canWork, self.supervisor.haveWorkedOff {
            self.logger.critical("every job has ended; see the errors above")
            return self.perform(self.machine.nothingLeft(now: self.machineTime))
        }
        if let reason = self.supervisor.reached(&self.limits, now: MonotonicClock.now()) {
            self.logger.info("the run ends by its limits", metadata: ["reason": "\(reason)"])
            return self.perform(self.machine.nothingLeft(now: self.machineTime))
        }
        return self.isWorkedOff() ? self.perform(self.machine.nothingLeft(now: self.machineTime)) : nil
    }

    private mutating func stop(_ requests: Int) -> ExitStatus? {
        for _ in 0..<requests {
            if let status = self.perform(self.machine.stop(now: self.machineTime)) { return status }
        }
        return nil
    }

    /// What has to be looked at from time to time, whatever happens.
    private mutating func watch() {
        let now = MonotonicClock.now()
        if now >= self.nextRates {
            self.nextRates = now &+ 1_000_000_000
            let rates = self.settledRates.next(self.supervisor.status.jobs, now: now)
            self.supervisor.rates.withLock { $0 = rates }
            for pool in self.supervisor.pools { pool.counters.follow(now: now) }
            if self.feed != nil {
                let families = MetricFamily.all(self.supervisor.document(build: ""))
                self.feed?.tell(families)
            }
        }
        self.supervisor.tellServiceManager()
        OverrunWatch.look(at: self.supervisor.pools, now: MonotonicClock.now(), self.stopped)
        self.supervisor.abandonOverdue(now: MonotonicClock.now(), until: self.machine.wake, self.stopped)
        self.reportStatus()
    }

    /// Nobody is answered later.
    private mutating func endWaiting() {
        self.waiters.end()
        self.dropMove("the supervisor is draining")
    }

    private func refuse(_ commands: [(command: Command, reply: @Sendable (CommandReply) -> Void)]) {
        for (_, reply) in commands { reply(.refused("the supervisor is draining")) }
    }

    /// Ends the event loop: at once, or at the end of an attempt to connect that is under way.
    func end() {
        self.refuse(self.supervisor.inbox.close())
        let (group, inbox, isFree) = (self.group, self.supervisor.inbox, self.hasOutletEnded)
        let shutDown: @Sendable () -> Void = {
            // The outlet's thread may be in a call of the system's still, and comes back to it.
            if isFree { group.shutdownGracefully { _ in } }
        }
        guard let (attempt, _, _) = self.connecting else { return shutDown() }
        attempt.abandon {
            if case .success(let success) = inbox.take(until: 0).connectOutcome { success.connection.close() }
            shutDown()
        }
    }

    // MARK: Events

    private mutating func handle(_ events: SupervisorInbox.Events) {
        if let error = events.end(of: self.reporter), let connection = self.connection {
            self.logger.warning("the connection ended; connecting again", metadata: ["reason": "\(error)"])
            self.supervisor.source.forget(connection)
            for handle in self.supervisor.pools.flatMap(\.handles) { handle.connectionEnded() }
            connection.close()  // its thread, which has an event loop to tell, is done by then
            self.connection = nil
            self.reporter = nil
            self.keeper.ended(error, now: MonotonicClock.now(), using: &self.generator)
            self.nextAttempt = 0
            self.tellWhyNotConnected()
            self.dropMove("the connection was lost meanwhile; it is sought anew")
        }
        // Before its outcome was taken: a connection can end at once.
        self.connecting?.ends += events.connectionEnds
        if let reason = events.blocked {
            self.logger.warning(
                "the broker has blocked the connection: it reads nothing, acks included, until its alarm ends",
                metadata: ["reason": "\(reason)"]
            )
        }
        if events.wasUnblocked { self.logger.info("the broker has unblocked the connection") }
        self.noteStoppedJobs(events)
    }

    private func noteStoppedJobs(_ events: SupervisorInbox.Events) {
        for (job, reason) in events.stoppedJobs {
            self.supervisor.fail(job, "stopped by its handler: \(reason)")
            self.supervisor.pools.first { $0.job.name == job }?.signal(WorkerHandle.Signal.drain)
        }
    }

    private mutating func reportStatus() {
        guard let interval = self.supervisor.options.statusInterval else { return }
        let now = MonotonicClock.now()
        guard now >= self.nextStatus else { return }
        self.nextStatus = now &+ interval.nanoseconds
        self.supervisor.reportStatus()
    }

    /// `once`: everything that can be worked off is.
    private mutating func isWorkedOff() -> Bool {
        guard self.supervisor.options.once, let connection = self.connection else { return false }
        guard MonotonicClock.now() >= self.nextOnceCheck else { return false }
        self.nextOnceCheck = MonotonicClock.now() &+ Self.tick
        do throws(AMQPError) {
            let finding = try self.once.look(self.supervisor, connection)
            if finding == .workedOff { self.workedOffAt = self.received }
            return finding != .goesOn
        } catch {
            self.logger.debug("could not look at the queues", metadata: ["reason": "\(error)"])
            return false
        }
    }

    var received: Int { self.supervisor.pools.reduce(0) { $0 + $1.counters.counts.received } }

    // MARK: The end

    /// A round of the end.
    private mutating func endWork(_ events: SupervisorInbox.Events) -> ExitStatus? {
        self.endWaiting()
        self.lookAtMove(events)
        self.refuse(events.commands)
        self.noteStoppedJobs(events)
        self.dropConnection(of: events)
        if let status = self.stop(events.stopRequests) { return status }
        if let error = events.end(of: self.reporter) {
            self.logger.warning("the connection ended while draining", metadata: ["reason": "\(error)"])
            if let connection = self.connection { self.supervisor.source.forget(connection) }
        }
        self.watch()
        let haveEnded = self.supervisor.haveEnded
        let actions = self.machine.look(
            workersHaveEnded: haveEnded,
            allHaveEnded: haveEnded && self.supervisor.returner.isDone && self.supervisor.scheduler.isDone,
            now: self.machineTime
        )
        return self.perform(actions)
    }

    private mutating func perform(_ actions: [SupervisorMachine.Action]) -> ExitStatus? {
        for action in actions {
            switch action {
            case .drain: self.beginDrain()
            case .askToEnd:
                self.logger.warning("handlers still run; they are asked to end early")
                for pool in self.supervisor.pools { pool.signal(WorkerHandle.Signal.cancel) }
            case .finish: return self.finish()
            }
        }
        return nil
    }

    private func beginDrain() {
        self.supervisor.watched.withLock { $0.isDraining = true }
        self.supervisor.pools.first?.crashLedger?.drainBegan()
        let time = DurationText.write(self.supervisor.file.shutdownTimeout)
        self.logger.info("draining", metadata: ["shutdown_timeout": "\(time)"])
        for pool in self.supervisor.pools { pool.signal(WorkerHandle.Signal.drain) }
        self.supervisor.scheduler.end()
        self.supervisor.returner.end()
        self.supervisor.backlogs.end()
    }

    private mutating func finish() -> ExitStatus {
        self.supervisor.fleet?.end()
        let haveEnded = self.supervisor.haveEnded
        if haveEnded {
            for pool in self.supervisor.pools { pool.join() }
        } else {
            self.supervisor.nameAbandoned()
            for pool in self.supervisor.pools { pool.letGo() }
        }
        self.supervisor.returner.letGo()
        self.supervisor.scheduler.letGo()
        // Threads given up at a job's kill_timeout are not waited for; the process's end is theirs.
        let isRedone = self.redone.say(self.supervisor.pools, isConnected: self.supervisor.source.current != nil)
        let isClean = haveEnded && !self.supervisor.hasAbandoned && !isRedone
        let isDone = self.isDone(isClean)
        self.close(self.connection, within: self.machine.closingTime(now: self.machineTime))
        self.supervisor.reportStatus()
        let last = self.supervisor.inbox.take(until: MonotonicClock.now())
        self.noteStoppedJobs(last)
        self.dropConnection(of: last)
        let hasFailed = self.supervisor.status.hasFailedJobs
        self.logger.info("ended", metadata: ["clean": .flag(isClean && !hasFailed && isDone)])
        if isClean, let errors = self.supervisor.refusalsOfAll { return .of(errors) }
        return isClean && !hasFailed && isDone ? .clean : .abandoned
    }
}
