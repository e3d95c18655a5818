import AMQPClient
import Logging
import Synchronization

// The connections: sought, there, and what begins with them.
extension SupervisorRun {
    /// The next attempt, if one is due; a status if the run can not go on.
    mutating func startConnecting() -> ExitStatus? {
        let endpoint: Endpoint
        switch self.keeper.next(now: MonotonicClock.now(), using: &self.generator) {
        case .wait(let deadline):
            self.nextAttempt = deadline
            return nil
        case .renew:
            self.renewEndpoints()
            return nil
        case .giveUp(let refusal):
            self.logger.critical("the broker can not be used", metadata: ["reason": "\(refusal)"])
            return ExitStatus(refusal)
        case .connect(let index): endpoint = self.endpoints[index]
        }
        do throws(ThreadError) {
            try self.startAttempt(to: endpoint)
            return nil
        } catch {
            self.connectFailed(endpoint, AMQPError(.connectionLost, scope: .connection, text: "\(error)"))
            return nil
        }
    }

    mutating func startAttempt(to endpoint: Endpoint) throws(ThreadError) {
        let attempt = ConnectAttempt(inbox: self.supervisor.inbox)
        try attempt.start(
            to: endpoint,
            declaring: self.supervisor.topology,
            options: self.connectionOptions,
            on: self.group,
            logger: self.logger
        )
        self.connecting = (attempt, endpoint, [])
    }

    /// A login was refused: the job file, or what it has from its environment, may be another by now.
    private mutating func renewEndpoints() {
        let renewed = self.supervisor.renewedEndpoints.flatMap { $0.isEmpty || $0 == self.endpoints ? nil : $0 }
        if let renewed {
            self.endpoints = renewed
            self.logger.notice("user or password have changed; trying again")
        }
        self.keeper.renewed(endpoints: renewed?.count, now: MonotonicClock.now(), using: &self.generator)
    }

    mutating func connectEnded(_ outcome: ConnectAttempt.Outcome) -> ExitStatus? {
        guard let (_, endpoint, ends) = self.connecting else { return nil }
        self.connecting = nil
        if self.move?.move.isUndecided == true, self.connection != nil {
            self.moveAttemptEnded(outcome, endpoint, ends)
            return nil
        }
        do throws(AMQPError) {
            let success = try outcome.get()
            if let end = ends.first(where: { $0.reporter === success.reporter }) {
                success.connection.close()
                throw end.error
            }
            try self.start(on: success)
            self.logger.info("connected", metadata: ["broker": "\(endpoint.address)"])
            return self.supervisor.canWork ? nil : self.giveUp(success)
        } catch {
            self.connectFailed(endpoint, error)
            return nil
        }
    }

    private mutating func connectFailed(_ endpoint: Endpoint, _ error: AMQPError) {
        self.logger.warning("no connection", metadata: ["broker": "\(endpoint.address)", "reason": "\(error)"])
        self.keeper.failed(error, now: MonotonicClock.now(), using: &self.generator)
        self.nextAttempt = 0
        self.tellWhyNotConnected()
    }

    func tellWhyNotConnected() {
        let error = self.keeper.lastError
        self.supervisor.watched.withLock { $0.whyNotConnected = error }
    }

    /// In a drain nobody needs it any more.
    mutating func dropConnection(of events: SupervisorInbox.Events) {
        guard let outcome = events.connectOutcome else { return }
        self.connecting = nil
        if case .success(let success) = outcome { success.connection.close(timeout: .milliseconds(250)) }
    }

    /// The second connection, if the file asks for one; it comes up by itself, and outputs wait for it.
    private mutating func startOutlet() throws(AMQPError) {
        guard self.supervisor.source.publishesSeparately, self.outlet == nil else { return }
        var options = self.connectionOptions
        options.name += ", outputs"
        var logger = self.logger
        logger[metadataKey: "connection"] = "outputs"
        let outlet = RecoveringConnection(
            to: self.endpoints,
            renewal: { [supervisor] in supervisor.renewedEndpoints },
            options: options,
            settings: self.supervisor.file.connection.recovery,
            on: self.group,
            logger: logger
        )
        try outlet.startInBackground(givesUp: false)
        self.outlet = outlet
        self.supervisor.source.setOutlet(outlet)
    }

    private mutating func giveUp(_ success: ConnectAttempt.Success) -> ExitStatus {
        let deadline = MonotonicClock.now() &+ 2_000_000_000
        if self.supervisor.options.once { _ = self.supervisor.sayWhatIsLeft(success.connection, until: deadline) }
        self.close(success.connection, within: .seconds(1))
        self.logger.critical("no job can start; see the errors above")
        return .of(success.failures.filter { $0.isFinal && $0.item.queue != nil }.map(\.error))
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
        self.supervisor.connections.add(1, ordering: .relaxed)
        self.keeper.connected(now: MonotonicClock.now())
        self.redone.noteConnection(self.supervisor.pools)
        self.tellWhyNotConnected()
        self.supervisor.noteTopology(self.supervisor.suspectJobs(success.failures))
        self.supervisor.source.set(success.connection)
        self.supervisor.startReturner()
        self.supervisor.tellFleet()
        self.supervisor.startPools()
        self.startScheduler()
        for pool in self.supervisor.pools { pool.signal(WorkerHandle.Signal.connection) }
    }

    private func startScheduler() {
        do throws(ThreadError) {
            try self.supervisor.scheduler.start()
        } catch {
            self.logger.error("schedules do not run", metadata: ["reason": "\(error)"])
        }
        self.supervisor.scheduler.connectionChanged()
    }
}
