public import Logging
public import NIOCore

/// A connection that is made again whenever it ends, with its exchanges, queues and bindings.
///
/// It is a layer above ``Connection``, which stays as it is and never comes back: code that wants no recovery uses
/// that one alone. A thread of its own connects, declares the ``topology``, and only then shows the new connection.
/// Consume through a ``RecoveringConsumer``; for anything else take ``connection(timeout:)`` whenever it is needed.
///
/// Thread-safe. It lives until ``stop()``.
public final class RecoveringConnection: Sendable {
    private struct State {
        var phase = Phase.idle
        var current: Connection?
        var generation = 0
        var isStopping = false
        var hasReports = false
        var lastError: AMQPError?
        var thread: WorkerThread?
    }
    private enum Phase {
        case idle, working
        case ended(AMQPError)
    }

    /// What is declared on every new connection.
    public let topology: RecordedTopology
    let settings: RecoverySettings
    let logger: Logger
    private let endpoints: [Endpoint]
    private let options: ConnectionOptions
    private let group: any EventLoopGroup
    private let onEvent: (@Sendable (RecoveryEvent) -> Void)?
    private let monitor = Monitor(State())

    /// Prepares a connection; nothing is started.
    ///
    /// - Parameters:
    ///   - endpoints: Brokers that are as good as each other; each round of attempts tries them in another order.
    ///   - options: How to connect.
    ///   - settings: The waits between rounds.
    ///   - topology: Declared on every new connection before it is shown.
    ///   - group: One of its event loops makes each connection, and drives it if it has TLS.
    ///   - logger: Gets what is worth a line.
    ///   - onEvent: Called on the recovery's thread, which waits for it; it must not call ``stop()``.
    public init(
        to endpoints: [Endpoint],
        options: ConnectionOptions = ConnectionOptions(),
        settings: RecoverySettings = RecoverySettings(),
        topology: RecordedTopology = RecordedTopology(),
        on group: any EventLoopGroup,
        logger: Logger = Logger(label: "amqp"),
        onEvent: (@Sendable (RecoveryEvent) -> Void)? = nil
    ) {
        self.endpoints = endpoints
        self.options = options
        self.settings = settings
        self.topology = topology
        self.group = group
        self.logger = logger.plain
        self.onEvent = onEvent
    }

    // MARK: From any thread

    /// Starts, and waits for the first connection.
    ///
    /// Blocks the calling thread.
    ///
    /// - Parameter timeout: How long to go on while no broker answers; nil without end.
    /// - Throws: The refusal, at once, if it is none that time heals: bad credentials, a missing virtual host.
    ///   `.timeout`; `.invalidSettings` without an endpoint; `.refusedLocally` at a second call. Nothing runs after a
    ///   throw.
    public func start(timeout: Duration? = nil) throws(AMQPError) {
        try self.startInBackground()
        let deadline = MonotonicClock.deadline(in: timeout)
        do throws(AMQPError) {
            if try self.connection(until: deadline) != nil { return }
            let last = self.monitor.withLock { $0.lastError }
            let text = "no broker within the timeout; the last attempt: \(last.map { "\($0)" } ?? "not over yet")"
            throw AMQPError(.timeout, scope: .connection, text: text)
        } catch {
            self.stop()
            throw error
        }
    }

    /// Starts, and waits for nothing.
    ///
    /// - Throws: `.invalidSettings` without an endpoint; `.refusedLocally` at a second call.
    public func startInBackground() throws(AMQPError) { try self.startInBackground(givesUp: true) }

    /// The same.
    ///
    /// - Parameter givesUp: Whether a refusal of the first attempt is the end; if not it goes on until ``stop()``.
    /// - Throws: As ``startInBackground()``.
    package func startInBackground(givesUp: Bool) throws(AMQPError) {
        guard !self.endpoints.isEmpty else {
            throw AMQPError(.invalidSettings, scope: .call, text: "no broker to connect to")
        }
        try self.monitor.withLock { state throws(AMQPError) in
            guard case .idle = state.phase else {
                throw AMQPError(.refusedLocally, scope: .call, text: "started already")
            }
            state.phase = .working
        }
        do throws(ThreadError) {
            let thread = try WorkerThread.start(name: "amqp-recovery") { self.run(givesUp: givesUp) }
            self.monitor.withLock { $0.thread = thread }
        } catch {
            let failure = AMQPError(.invalidSettings, scope: .call, text: "\(error)")
            self.monitor.withLock { $0.phase = .ended(failure) }
            throw failure
        }
    }

    /// The connection of the moment, with its topology declared; nil while there is none.
    public var current: Connection? { self.monitor.withLock { $0.current } }

    /// How many connections there were, this one included.
    public var generation: Int { self.monitor.withLock { $0.generation } }

    /// Waits for a connection.
    ///
    /// - Parameter timeout: nil waits without end.
    /// - Returns: An open connection, which may end at any time.
    /// - Throws: `.timeout`; why there will be none: it was stopped or gave up.
    public func connection(timeout: Duration? = nil) throws(AMQPError) -> Connection {
        if let connection = try self.connection(until: MonotonicClock.deadline(in: timeout)) { return connection }
        throw AMQPError(.timeout, scope: .call, text: "no connection to a broker within the timeout")
    }

    /// Ends the connection for good and waits for that.
    ///
    /// Blocks for at most the rest of an attempt (`options.connectTimeout`), or of one declaration
    /// (`options.requestTimeout`), and a close (5 s).
    public func stop() {
        let thread = self.monitor.withLock { state in
            state.isStopping = true
            if case .idle = state.phase { state.phase = .ended(Self.stopped) }
            defer { state.thread = nil }
            return state.thread
        }
        self.monitor.broadcast()
        thread?.join()
    }

    private static let stopped = AMQPError.ended(.connection, "the recovering connection was stopped")

    // MARK: For consumers

    /// The current connection, or the next one; nil when the deadline passes first.
    func connection(until deadline: UInt64?) throws(AMQPError) -> Connection? {
        try self.monitor.wait(until: deadline) { state throws(AMQPError) in
            if case .ended(let reason) = state.phase { throw reason }
            return state.current
        }
    }

    /// Sleeps until the deadline, unless everything ends before.
    func pause(until deadline: UInt64) throws(AMQPError) {
        let _: Never? = try self.monitor.wait(until: deadline) { state throws(AMQPError) in
            if case .ended(let reason) = state.phase { throw reason }
            return nil
        }
    }

    /// A channel's owner has seen this connection end: nobody else gets it.
    ///
    /// It is closed too: a connection that nobody uses and that did not end would never be replaced.
    func forget(_ connection: Connection) {
        self.monitor.withLock { state in
            if state.current === connection { state.current = nil }
        }
        connection.startClose()
    }

    // MARK: Its thread

    private var isStopping: Bool { self.monitor.withLock { $0.isStopping } }

    private func run(givesUp: Bool) {
        var schedule = RecoverySchedule(
            endpointCount: self.endpoints.count,
            settings: self.settings,
            givesUp: givesUp
        )
        var generator = SystemRandomNumberGenerator()
        while !self.isStopping {
            switch schedule.next(now: MonotonicClock.now(), using: &generator) {
            case .wait(let deadline): self.waitForStop(until: deadline)
            case .attempt(let index):
                let endpoint = self.endpoints[index]
                do throws(AMQPError) {
                    let (connection, reporter) = try self.connect(to: endpoint)
                    schedule.connected(now: MonotonicClock.now())
                    self.watch(connection, reporter)
                    schedule.lost(now: MonotonicClock.now(), using: &generator)
                } catch {
                    if self.isStopping { continue }
                    self.monitor.withLock { $0.lastError = error }
                    self.tell(.failed(endpoint, error))
                    let action = schedule.failed(error, now: MonotonicClock.now(), using: &generator)
                    if case .giveUp(let refusal) = action {
                        self.tell(.gaveUp(refusal))
                        return self.end(refusal)
                    }
                }
            }
        }
        self.tell(.stopped)
        self.end(Self.stopped)
    }

    private func end(_ reason: AMQPError) {
        self.monitor.withLock { $0.phase = .ended(reason) }
        self.monitor.broadcast()
    }

    private func waitForStop(until deadline: UInt64) {
        let _: Bool? = self.monitor.wait(until: deadline) { $0.isStopping ? true : nil }
    }

    private func connect(to endpoint: Endpoint) throws(AMQPError) -> (Connection, RecoveryReporter) {
        self.tell(.connecting(endpoint))
        let reporter = RecoveryReporter { [monitor] in
            monitor.withLock { $0.hasReports = true }
            monitor.broadcast()
        }
        let connection = try Connection.connect(
            to: endpoint,
            options: self.options,
            on: self.group,
            logger: self.logger,
            delegate: reporter
        )
        let failures: [TopologyFailure]
        do throws(AMQPError) {
            failures = try self.topology.declareAll(on: connection) { self.isStopping }
        } catch {
            if self.isStopping { connection.close() } else { connection.startClose() }
            throw error
        }
        let generation = self.monitor.withLock { state in
            state.generation += 1
            state.current = connection
            return state.generation
        }
        self.tell(.connected(endpoint, generation: generation, failures: failures))
        self.monitor.broadcast()
        return (connection, reporter)
    }

    /// Returns when the connection has ended, or is closed because of ``stop()``.
    private func watch(_ connection: Connection, _ reporter: RecoveryReporter) {
        while true {
            let isStopping: Bool? = self.monitor.wait(until: nil) { state in
                defer { state.hasReports = false }
                return state.isStopping || state.hasReports ? state.isStopping : nil
            }
            let reports = reporter.take()
            for event in reports.events { self.tell(event) }
            if let error = reports.end {
                self.forget(connection)
                self.monitor.withLock { $0.lastError = error }
                return self.tell(.lost(error))
            }
            if isStopping == true {
                self.forget(connection)
                return connection.close()
            }
        }
    }

    private func tell(_ event: RecoveryEvent) {
        switch event {
        case .failed(let endpoint, let error):
            self.logger.warning("no connection", metadata: ["broker": "\(endpoint.address)", "reason": "\(error)"])
        case .connected(let endpoint, let generation, let failures):
            self.logger.info("connected", metadata: ["broker": "\(endpoint.address)", "generation": "\(generation)"])
            for failure in failures { self.logger.error("can not be declared", metadata: ["reason": "\(failure)"]) }
        case .lost(let error):
            self.logger.warning("the connection ended; connecting again", metadata: ["reason": "\(error)"])
        case .blocked(let reason):
            self.logger.warning("the broker has blocked the connection", metadata: ["reason": "\(reason)"])
        case .gaveUp(let error): self.logger.error("the broker refuses us", metadata: ["reason": "\(error)"])
        case .connecting, .unblocked, .stopped: break
        }
        self.onEvent?(event)
    }
}
