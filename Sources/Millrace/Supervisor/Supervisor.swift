public import Logging
import AMQPClient
import AMQPWire
import NIOCore
import Synchronization

/// The process's heart: one connection, a pool of worker threads per job, and the way in and out of them.
///
/// ``run()`` belongs to one thread; ``stop()`` and ``status`` may be called from any.
public final class Supervisor: Sendable {
    let options: SupervisorOptions
    let logger: Logger
    let inbox = SupervisorInbox()
    let source: ConnectionSource
    let topology: Topology
    /// What it works by, and what of that was changed since.
    let board: Monitor<ControlBoard>
    /// Who brings waiting messages back, and who will when that one has ended.
    let returners: Monitor<(current: Returner, next: Returner?)>
    let backlogs: BacklogWatch
    let questions = BrokerQuestions()
    let scheduler: Scheduler
    /// Who answers `status --fleet`, where the file has a fleet.
    let fleet: FleetAnswerer?
    let failures = Monitor<[String: String]>([:])
    let watched = Monitor(WatchedState())
    /// When its thread last looked around, in nanoseconds of the monotonic clock.
    let lastTick = Atomic<UInt64>(0)
    /// Outcomes per second of each job, over the last second or so.
    let rates = Monitor<[String: Double]>([:])
    /// Connections for jobs that were made.
    let connections = Atomic<Int>(0)
    /// What the broker said of queues when it was asked last, and when that was, in nanoseconds of the monotonic clock.
    let queueCounts = Monitor<[String: (count: BacklogWatch.Count, time: UInt64)]>([:])
    /// The broker in this process while the run lasts, and what it held at its end.
    let broker = Monitor<(any InProcessBroker)?>(nil)
    let lastMessages = Monitor<[(queue: String, count: Int)]?>(nil)
    let startedAt = Int64(clamping: WallClock.seconds())
    private let onStatus: (@Sendable (SupervisorStatus) -> Void)?

    /// Prepares the jobs of a file; nothing is started.
    ///
    /// - Parameters:
    ///   - file: As loaded and checked.
    ///   - registry: The plugins that the file names, loaded.
    ///   - options: How to run.
    ///   - logger: Gets what a person wants to know later.
    ///   - onStatus: Called on the supervisor's thread every `options.statusInterval`.
    /// - Throws: A ``PluginError`` for a handler that no plugin offers.
    public init(
        file: JobFile,
        registry: PluginRegistry,
        options: SupervisorOptions = SupervisorOptions(),
        logger: Logger = Logger(label: "millrace"),
        onStatus: (@Sendable (SupervisorStatus) -> Void)? = nil
    ) throws(PluginError) {
        self.options = options
        let logger = logger.plain
        self.logger = logger
        self.onStatus = onStatus
        self.source = ConnectionSource(
            publishesSeparately: file.connection.publishing == .separate,
            answerPatience: options.answerPatience
        )
        self.backlogs = BacklogWatch(
            self.source,
            every: options.backlogInterval,
            others: options.consumerCheckInterval,
            logger: logger
        ) { [inbox] in inbox.backlogsSeen($0) }
        let topology = Topology(file, awaitsOthers: !options.once)
        self.topology = topology
        self.fleet = Self.makeFleet(file, self.source, logger)
        var board = ControlBoard(file: file, registry: registry, identity: options.fileIdentity, now: self.startedAt)
        var pools: [Pool] = []
        for job in file.jobs {
            let entry = try registry.handler(for: job)
            pools.append(
                Self.makePool(job, entry, file, options, self.source, topology, self.inbox, logger)
            )
        }
        board.pools = pools
        self.board = Monitor(board)
        let queues = file.jobs.flatMap(\.queues)
        self.returners = Monitor(
            (Self.makeReturner(queues, file, options, self.source, topology, self.inbox, logger), nil)
        )
        self.scheduler = Scheduler(
            // What is to end by itself gets no new work from a clock.
            options.once ? [] : file.schedules,
            source: self.source,
            recovery: file.connection.recovery,
            clock: options.hooks.clock,
            logger: logger,
            ended: { [inbox] in inbox.workersChanged() }
        )
        self.followJumps()
    }

    /// As it is now; from any thread.
    var file: JobFile { self.board.withLock { $0.file } }
    /// The pools of its jobs, and those of jobs that are no more and whose workers have not all ended; from any thread.
    var pools: [Pool] { self.board.withLock { $0.pools } }
    /// Who brings waiting messages back; from any thread.
    var returner: Returner { self.returners.withLock { $0.current } }

    /// Drains and ends.
    ///
    /// A second call ends without waiting for handlers. From any thread.
    public func stop() { self.inbox.requestStop() }

    func reportStatus() { self.onStatus?(self.status) }

    /// Runs until stopped.
    ///
    /// Blocks the calling thread.
    @available(*, noasync, message: "it blocks its thread")
    public func run() -> ExitStatus {
        if let status = self.startBroker() { return status }
        defer { self.endBroker() }
        let group = self.options.makeEventLoops()
        self.restoreOverrides()
        let ledger = self.openCrashLedger()
        defer { ledger?.end() }
        var run = SupervisorRun(self, group: group)
        defer { run.end() }
        return run.run()
    }
}
