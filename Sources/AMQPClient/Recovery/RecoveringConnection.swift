import AMQPCore
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
        /// When the last close has to be over; nil is in 5 s.
        var closeBy: UInt64?
        var hasReports = false
        var lastError: AMQPError?
        var thread: WorkerThread?
        /// Told of every change of `current`, and of the end.
        var listeners: [UInt64: @Sendable () -> Void] = [:]
        var nextListener: UInt64 = 0
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
    private let renewal: (@Sendable () -> [Endpoint]?)?
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
    public convenience init(
        to endpoints: [Endpoint],
        options: ConnectionOptions = ConnectionOptions(),
        settings: RecoverySettings = RecoverySettings(),
        topology: RecordedTopology = RecordedTopology(),
        on group: any EventLoopGroup,
        logger: Logger = Logger(label: "amqp"),
        onEvent: (@Sendable (RecoveryEvent) -> Void)? = nil
    ) {
        self.init(
            to: endpoints,
            renewal: nil,
            options: options,
            settings: settings,
            topology: topology,
            on: group,
            logger: logger,
            onEvent: onEvent
        )
    }

    /// The same for endpoints whose user or password may change: `renewal` is asked when a login was refused, and says what
    /// they are now, or nil.
    package init(
        to endpoints: [Endpoint],
        renewal: (@Sendable () -> [Endpoint]?)?,
        options: ConnectionOptions,
        settings: RecoverySettings,
        topology: RecordedTopology = RecordedTopology(),
        on group: any EventLoopGroup,
        logger: Logger,
        onEvent: (@Sendable (RecoveryEvent) -> Void)? = nil
    ) {
        self.renewal = renewal
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
    ///   `.timeout`; `.invalidSettings` without an endpoint; `.refusedLocally` at a second call, and on an event loop.
    ///   Nothing runs after a throw.
    @available(*, noasync, message: "it blocks its thread")
    public func start(timeout: Duration? = nil) throws(AMQPError) {
        try Connection.throwOnEventLoop("start")
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

    /// Why there is none, as far as is known.
    package var lastError: AMQPError? { self.monitor.withLock { $0.current == nil ? $0.lastError : nil } }

    /// How many connections there were, this one included.
    public var generation: Int { self.monitor.withLock { $0.generation } }

    /// Waits for a connection.
    ///
    /// - Parameter timeout: nil waits without end.
    /// - Returns: An open connection, which may end at any time.
    /// - Throws: `.timeout`; `.refusedLocally` on an event loop; why there will be none: it was stopped or gave up.
    @available(*, noasync, message: "it blocks its thread")
    public func connection(timeout: Duration? = nil) throws(AMQPError) -> Connection {
        try Connection.throwOnEventLoop("connection")
        if let connection = try self.connection(until: MonotonicClock.deadline(in: timeout)) { return connection }
        throw AMQPError(.timeout, scope: .call, text: "no connection to a broker within the timeout")
    }

    /// Ends the connection for good and waits for that.
    ///
    /// Blocks for at most the rest of an attempt (`options.connectTimeout`), or of one declaration
    /// (`options.requestTimeout`), and a close (5 s).
    @available(*, noasync, message: "it blocks its thread")
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

    /// The same, but waits no longer than told: what its thread is in then, a look-up of a name or a broker's silence, it leaves
    /// by itself.
    ///
    /// - Returns: Whether it has ended.
    package func stop(until deadline: UInt64) -> Bool {
        let thread = self.monitor.withLock { state in
            state.isStopping = true
            if case .idle = state.phase { state.phase = .ended(Self.stopped) }
            state.closeBy = deadline
            defer { state.thread = nil }
            return state.thread
        }
        self.monitor.broadcast()
        let hasEnded = self.monitor.wait(until: deadline) { state -> Bool? in
            if case .ended = state.phase { true } else { nil }
        }
        if hasEnded == true { thread?.join() } else { thread?.detach() }
        return hasEnded == true
    }

    /// How long a close may take.
    private var closingTime: Duration {
        guard let deadline = self.monitor.withLock({ $0.closeBy }) else { return .seconds(5) }
        let now = MonotonicClock.now()
        return .nanoseconds(Int64(clamping: deadline > now ? deadline - now : 0))
    }

    private static let stopped = AMQPError.ended(.connection, "the recovering connection was stopped")

    // MARK: For consumers and publishers

    /// Calls `listener` whenever there may be another connection, or none, or none any more; from any thread.
    ///
    /// - Returns: Its number, for ``removeListener(_:)``.
    func addListener(_ listener: @escaping @Sendable () -> Void) -> UInt64 {
        self.monitor.withLock { state in
            state.nextListener += 1
            state.listeners[state.nextListener] = listener
            return state.nextListener
        }
    }

    func removeListener(_ number: UInt64) { self.monitor.withLock { $0.listeners[number] = nil } }

    private func tellListeners() {
        let listeners = self.monitor.withLock { Array($0.listeners.values) }
        for listener in listeners { listener() }
    }

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
        var endpoints = self.endpoints
        var keeper = ConnectionKeeper(
            endpointCount: endpoints.count,
            settings: self.settings,
            patience: givesUp ? .untilRefused : .endless
        )
        var generator = ProcessRandom()
        while !self.isStopping {
            switch keeper.next(now: MonotonicClock.now(), using: &generator) {
            case .wait(let deadline): self.waitForStop(until: deadline)
            case .renew:
                let renewed = self.renewal?().flatMap { $0.isEmpty || $0 == endpoints ? nil : $0 }
                if let renewed { endpoints = renewed }
                keeper.renewed(endpoints: renewed?.count, now: MonotonicClock.now(), using: &generator)
            case .giveUp(let refusal):
                self.tell(.gaveUp(refusal))
                return self.end(refusal)
            case .connect(let index): self.keep(endpoints[index], &keeper, &generator)
            }
        }
        self.tell(.stopped)
        self.end(Self.stopped)
    }

    /// One attempt, and the life of its connection.
    private func keep(
        _ endpoint: Endpoint,
        _ keeper: inout ConnectionKeeper,
        _ generator: inout ProcessRandom
    ) {
        do throws(AMQPError) {
            let (connection, reporter) = try self.connect(to: endpoint, channelMax: keeper.channelMax)
            keeper.connected(now: MonotonicClock.now())
            let end = self.watch(connection, reporter)
            keeper.ended(end, now: MonotonicClock.now(), using: &generator)
        } catch {
            if self.isStopping { return }
            self.monitor.withLock { $0.lastError = error }
            self.tell(.failed(endpoint, error))
            keeper.failed(error, now: MonotonicClock.now(), using: &generator)
        }
    }

    private func end(_ reason: AMQPError) {
        self.monitor.withLock { $0.phase = .ended(reason) }
        self.monitor.broadcast()
        self.tellListeners()
    }

    private func waitForStop(until deadline: UInt64) {
        let _: Bool? = self.monitor.wait(until: deadline) { $0.isStopping ? true : nil }
    }

    private func connect(
        to endpoint: Endpoint,
        channelMax: Int
    ) throws(AMQPError) -> (Connection, RecoveryReporter) {
        self.tell(.connecting(endpoint))
        var options = self.options
        // The broker may allow fewer than it said.
        if channelMax > 0 { options.channelMax = channelMax }
        let reporter = RecoveryReporter { [monitor] in
            monitor.withLock { $0.hasReports = true }
            monitor.broadcast()
        }
        let connection = try Connection.connect(
            to: endpoint,
            options: options,
            on: self.group,
            logger: self.logger,
            delegate: reporter
        )
        let failures: [TopologyFailure]
        do throws(AMQPError) {
            failures = try self.topology.declareAll(on: connection) { self.isStopping }
        } catch {
            if self.isStopping { connection.close(timeout: self.closingTime) } else { connection.startClose() }
            throw error
        }
        let generation = self.monitor.withLock { state in
            state.generation += 1
            state.current = connection
            return state.generation
        }
        self.tell(.connected(endpoint, generation: generation, failures: failures))
        self.monitor.broadcast()
        self.tellListeners()
        return (connection, reporter)
    }

    /// Returns when the connection has ended, or is closed because of ``stop()``.
    private func watch(_ connection: Connection, _ reporter: RecoveryReporter) -> AMQPError {
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
                self.tell(.lost(error))
                return error
            }
            if isStopping == true {
                self.forget(connection)
                connection.close(timeout: self.closingTime)
                return Self.stopped
            }
        }
    }

    private func tell(_ event: RecoveryEvent) {
        switch event {
        case .failed(let endpoint, let error):
            self.logger.warning("no connection", metadata: ["broker": "\(endpoint.address)", "reason": "\(error)"])
        case .connected(let endpoint, let generation, let failures):
            self.logger.info(
                "connected",
                metadata: ["broker": "\(endpoint.address)", "generation": .number(generation)]
            )
            for failure in failures { self.logger.error("can not be declared", metadata: ["reason": "\(failure)"]) }
        case .lost(let error):
            self.logger.warning("the connection ended; connecting again", metadata: ["reason": "\(error)"])
        case .blocked(let reason):
            self.logger.warning("the broker has blocked the connection", metadata: ["reason": "\(reason)"])
        case .unblocked: self.logger.info("the broker has unblocked the connection")
        case .gaveUp(let error): self.logger.error("the broker refuses us", metadata: ["reason": "\(error)"])
        case .connecting, .stopped: break
        }
        self.onEvent?(event)
    }
}
