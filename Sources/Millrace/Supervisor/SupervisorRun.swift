import AMQPClient
import Logging
import NIOCore
import Synchronization

/// One run of a supervisor, on its thread: connect, keep connected, watch, drain.
struct SupervisorRun {
    private let supervisor: Supervisor
    private let group: any EventLoopGroup
    private let endpoints: [Endpoint]
    private var connection: Connection?
    private var outlet: RecoveringConnection?
    /// The attempt that is under way, and the connections that have ended since it began.
    private var connecting:
        (attempt: ConnectAttempt, endpoint: Endpoint, ends: [(reporter: ConnectionReporter, error: AMQPError)])?
    private var reporter: ConnectionReporter?  // the connection holds it weakly
    private var schedule: RecoverySchedule
    private var generator = SystemRandomNumberGenerator()
    private var nextAttempt: UInt64 = 0
    private var channels = ChannelBudget()
    private var nextStatus: UInt64 = 0
    private var consumers: ConsumerWatch<ObjectIdentifier>
    private var once = OnceWatch()
    private var nextOnceCheck: UInt64 = 0

    private static let tick: UInt64 = 200_000_000

    private var logger: Logger { self.supervisor.logger }

    init(_ supervisor: Supervisor, group: any EventLoopGroup) {
        self.supervisor = supervisor
        self.group = group
        self.consumers = ConsumerWatch(limit: supervisor.options.consumeTimeout)
        self.endpoints = supervisor.file.connection.uris.compactMap { uri in
            do throws(AMQPError) {
                return try supervisor.file.connection.endpoint(uri)
            } catch {
                supervisor.logger.error("a connection URI can not be used", metadata: ["reason": "\(error)"])
                return nil
            }
        }
        self.schedule = RecoverySchedule(
            endpointCount: self.endpoints.count,
            settings: supervisor.file.connection.recovery,
            mustConnectAtOnce: supervisor.options.once
        )
    }

    mutating func run() -> ExitStatus {
        guard !self.endpoints.isEmpty else { return .configuration }
        while true {
            let now = MonotonicClock.now()
            let mayConnect = self.connection == nil && self.connecting == nil
            if mayConnect, now >= self.nextAttempt, let status = self.startConnecting() { return status }
            let wake = mayConnect ? min(self.nextAttempt, now &+ Self.tick) : now &+ Self.tick
            let events = self.supervisor.inbox.take(until: wake)
            if events.stopRequests > 0 {
                self.dropConnection(of: events)
                self.handle(events)
                return self.drain(atOnce: events.stopRequests > 1)
            }
            if let outcome = events.connectOutcome, let status = self.connectEnded(outcome) { return status }
            self.handle(events)
            OverrunWatch.look(at: self.supervisor.pools, now: MonotonicClock.now())
            self.supervisor.abandonOverdue(now: MonotonicClock.now())
            self.supervisor.look(&self.consumers, now: MonotonicClock.now())
            self.reportStatus()
            self.supervisor.noteFailedPools()
            if self.supervisor.canWork, self.supervisor.haveWorkedOff {
                self.logger.critical("every job has ended; see the errors above")
                return self.drain(atOnce: false)
            }
            if let status = self.lookWhetherDone() { return status }
        }
    }

    // MARK: Connection

    /// The next attempt, if one is due; a status if the run can not go on.
    private mutating func startConnecting() -> ExitStatus? {
        let endpoint: Endpoint
        switch self.schedule.next(now: MonotonicClock.now(), using: &self.generator) {
        case .wait(let deadline):
            self.nextAttempt = deadline
            return nil
        case .attempt(let index): endpoint = self.endpoints[index]
        }
        let attempt = ConnectAttempt(inbox: self.supervisor.inbox)
        do throws(ThreadError) {
            try attempt.start(
                to: endpoint,
                declaring: self.supervisor.topology,
                options: self.connectionOptions,
                on: self.group,
                logger: self.logger
            )
            self.connecting = (attempt, endpoint, [])
            return nil
        } catch {
            return self.connectFailed(endpoint, AMQPError(.connectionLost, scope: .connection, text: "\(error)"))
        }
    }

    private mutating func connectEnded(_ outcome: ConnectAttempt.Outcome) -> ExitStatus? {
        guard let (_, endpoint, ends) = self.connecting else { return nil }
        self.connecting = nil
        do throws(AMQPError) {
            let success = try outcome.get()
            if let end = ends.first(where: { $0.reporter === success.reporter }) {
                success.connection.close()
                throw end.error
            }
            try self.start(on: success)
            self.logger.info("connected", metadata: ["broker": "\(endpoint.address)"])
            return self.supervisor.canWork ? nil : self.giveUp(success.connection)
        } catch {
            return self.connectFailed(endpoint, error)
        }
    }

    private mutating func connectFailed(_ endpoint: Endpoint, _ error: AMQPError) -> ExitStatus? {
        self.logger.warning("no connection", metadata: ["broker": "\(endpoint.address)", "reason": "\(error)"])
        let action = self.schedule.failed(error, now: MonotonicClock.now(), using: &self.generator)
        guard case .giveUp(let refusal) = action else { return nil }
        self.logger.critical("the broker can not be used", metadata: ["reason": "\(refusal)"])
        return .brokerUnavailable
    }

    /// In a drain nobody needs it any more.
    private mutating func dropConnection(of events: SupervisorInbox.Events) {
        guard let outcome = events.connectOutcome else { return }
        self.connecting = nil
        if case .success(let success) = outcome { success.connection.close() }
    }

    /// Ends the event loop: at once, or at the end of an attempt to connect that is under way.
    func end() {
        let (group, inbox) = (self.group, self.supervisor.inbox)
        guard let (attempt, _, _) = self.connecting else { return group.shutdownGracefully { _ in } }
        attempt.abandon {
            if case .success(let success) = inbox.take(until: 0).connectOutcome { success.connection.close() }
            group.shutdownGracefully { _ in }
        }
    }

    private var connectionOptions: ConnectionOptions {
        let settings = self.supervisor.file.connection
        return ConnectionOptions(
            name: settings.name ?? "millrace",
            heartbeatSeconds: Int(settings.heartbeat.nanoseconds / 1_000_000_000),
            connectTimeout: settings.connectTimeout,
            channelMax: self.channels.limit
        )
    }

    /// The second connection, if the file asks for one; it comes up by itself, and outputs wait for it.
    private mutating func startOutlet() throws(AMQPError) {
        guard self.supervisor.source.publishesSeparately, self.outlet == nil else { return }
        var options = self.connectionOptions
        options.name += ", outputs"
        let outlet = RecoveringConnection(
            to: self.endpoints,
            options: options,
            settings: self.supervisor.file.connection.recovery,
            on: self.group,
            logger: self.logger
        )
        try outlet.startInBackground(givesUp: false)
        self.outlet = outlet
        self.supervisor.source.setOutlet(outlet)
    }

    private func giveUp(_ connection: Connection) -> ExitStatus {
        connection.close()
        self.outlet?.stop()
        self.logger.critical("no job can start; see the errors above")
        return .configuration
    }

    private mutating func start(on success: ConnectAttempt.Success) throws(AMQPError) {
        do throws(AMQPError) {
            try self.startOutlet()
        } catch {
            success.connection.close(timeout: .seconds(1))
            throw error
        }
        self.connection = success.connection
        self.reporter = success.reporter
        self.schedule.connected(now: MonotonicClock.now())
        self.supervisor.noteTopology(self.supervisor.suspectJobs(success.failures))
        self.supervisor.source.set(success.connection)
        self.startReturner()
        self.supervisor.startPools()
        for pool in self.supervisor.pools { pool.signal(WorkerHandle.Signal.connection) }
    }

    /// Whoever brings waiting messages back is there before the first one is put aside.
    private func startReturner() {
        do throws(ThreadError) {
            try self.supervisor.returner.start()
        } catch {
            self.logger.error("waiting messages do not come back", metadata: ["reason": "\(error)"])
        }
        self.supervisor.returner.connectionChanged()
    }

    // MARK: Events

    private mutating func handle(_ events: SupervisorInbox.Events) {
        if let error = events.end(of: self.reporter), let connection = self.connection {
            self.logger.warning("the connection ended; connecting again", metadata: ["reason": "\(error)"])
            self.channels.connectionEnded(error)
            self.supervisor.source.forget(connection)
            for handle in self.supervisor.pools.flatMap(\.handles) { handle.connectionEnded() }
            connection.close()  // its thread, which has an event loop to tell, is done by then
            self.connection = nil
            self.reporter = nil
            self.schedule.lost(now: MonotonicClock.now(), using: &self.generator)
            self.nextAttempt = 0
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

    /// `once`: every queue empty and everything settled, seen three times in a row with nothing received between.
    private mutating func lookWhetherDone() -> ExitStatus? {
        guard self.supervisor.options.once, let connection = self.connection else { return nil }
        guard MonotonicClock.now() >= self.nextOnceCheck else { return nil }
        self.nextOnceCheck = MonotonicClock.now() &+ Self.tick
        do throws(AMQPError) {
            guard try self.once.isDone(self.supervisor, connection) else { return nil }
        } catch {
            self.logger.debug("could not look at the queues", metadata: ["reason": "\(error)"])
            return nil
        }
        return self.drain(atOnce: false)
    }

    // MARK: Drain

    /// DESIGN §7: cancel, give back, finish, at `shutdown_timeout` cancel handlers, at `kill_timeout` leave them.
    private mutating func drain(atOnce: Bool) -> ExitStatus {
        let file = self.supervisor.file
        self.supervisor.watched.withLock { $0.isDraining = true }
        self.supervisor.pools.first?.crashLedger?.drainBegan()
        self.logger.info("draining", metadata: ["shutdown_timeout": "\(file.shutdownTimeout)"])
        let start = MonotonicClock.now()
        let cancelAt = atOnce ? start : start &+ file.shutdownTimeout.nanoseconds
        let killAt = cancelAt &+ (atOnce ? 0 : file.killTimeout.nanoseconds)
        for pool in self.supervisor.pools { pool.signal(WorkerHandle.Signal.drain) }
        self.supervisor.returner.end()
        var isCancelled = false
        while !self.supervisor.haveEnded || !self.supervisor.returner.isDone {
            let now = MonotonicClock.now()
            if now >= cancelAt, self.supervisor.haveEnded { break }  // what is held goes back with the connection
            if now >= cancelAt, !isCancelled {
                isCancelled = true
                self.logger.warning("handlers still run at shutdown_timeout; they are asked to end early")
                for pool in self.supervisor.pools { pool.signal(WorkerHandle.Signal.cancel) }
            }
            if now >= killAt { break }
            let events = self.supervisor.inbox.take(until: min(now &+ 20_000_000, isCancelled ? killAt : cancelAt))
            self.noteStoppedJobs(events)
            self.dropConnection(of: events)
            if events.stopRequests > 0 { break }
            if let error = events.end(of: self.reporter) {
                self.logger.warning("the connection ended while draining", metadata: ["reason": "\(error)"])
                if let connection = self.connection { self.supervisor.source.forget(connection) }
            }
            OverrunWatch.look(at: self.supervisor.pools, now: now)
            self.supervisor.abandonOverdue(now: now)
            self.reportStatus()
        }
        let haveEnded = self.supervisor.haveEnded
        if haveEnded {
            for pool in self.supervisor.pools { pool.join() }
        } else {
            self.nameAbandoned()
            for pool in self.supervisor.pools { pool.letGo() }
        }
        self.supervisor.returner.letGo()
        // Threads given up at a job's kill_timeout are not waited for; the process's end is theirs.
        let isClean = haveEnded && !self.supervisor.hasAbandoned
        self.connection?.close()
        self.outlet?.stop()
        self.supervisor.reportStatus()
        let last = self.supervisor.inbox.take(until: MonotonicClock.now())
        self.noteStoppedJobs(last)
        self.dropConnection(of: last)
        let hasFailed = self.supervisor.failures.withLock { !$0.isEmpty }
        self.logger.info("ended", metadata: ["clean": "\(isClean && !hasFailed)"])
        return isClean && !hasFailed ? .clean : .abandoned
    }

    private func nameAbandoned() {
        for pool in self.supervisor.pools {
            for handle in pool.handles where handle.state != .ended {
                if let place = Self.placeOutsideMessages(handle.state) {
                    handle.logger.error("a handler's \(place) did not return; its thread is left")
                    continue
                }
                let began = handle.beganAt.load(ordering: .relaxed)
                guard began > 0 else { continue }
                let seconds = (MonotonicClock.now() &- began) / 1_000_000_000
                let hands = handle.killSwitch?.hands(begunBefore: .max).map(\.record.deliveryTag)
                handle.logger.error(
                    "a handler did not end; its delivery goes back to the queue with the connection",
                    metadata: [
                        "running_s": "\(seconds)", "queue": "\(pool.job.queue)",
                        // A thread that is free has named all of them when it asked them to end.
                        "deliveries": "\(hands ?? [handle.oldest.tag])",
                    ]
                )
            }
        }
    }

    private static func placeOutsideMessages(_ state: WorkerState) -> String? {
        switch state {
        case .making: "init"
        case .dropping: "deinit"
        case .waiting, .opening, .consuming, .restarting, .failed, .ended: nil
        }
    }
}
