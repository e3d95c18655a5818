public import Logging
import AMQPClient
import AMQPWire
import NIOCore
import NIOPosix

/// The process's heart: one connection, a pool of worker threads per job, and the way in and out of them.
///
/// ``run()`` belongs to one thread; ``stop()`` and ``status`` may be called from any.
public final class Supervisor: Sendable {
    let file: JobFile
    let options: SupervisorOptions
    let logger: Logger
    let inbox = SupervisorInbox()
    let source: ConnectionSource
    let topology: Topology
    let pools: [Pool]
    let returner: Returner
    let failures = Monitor<[String: String]>([:])
    let watched = Monitor(WatchedState())
    private let onStatus: (@Sendable ([JobStatus]) -> Void)?

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
        onStatus: (@Sendable ([JobStatus]) -> Void)? = nil
    ) throws(PluginError) {
        self.file = file
        self.options = options
        let logger = logger.plain
        self.logger = logger
        self.onStatus = onStatus
        self.source = ConnectionSource(publishesSeparately: file.connection.publishing == .separate)
        let topology = Topology(file)
        self.topology = topology
        var pools: [Pool] = []
        for job in file.jobs {
            let entry = try registry.handler(for: job)
            pools.append(
                Pool(
                    job: job,
                    entry: entry,
                    source: self.source,
                    topology: topology,
                    recovery: file.connection.recovery,
                    ladder: options.delays.ladder,
                    logger: logger,
                    jobStopped: { [inbox] job, reason in inbox.jobStopped(job, reason) }
                )
            )
        }
        self.pools = pools
        var known: Set<String> = []
        self.returner = Returner(
            file.jobs.map(\.queue).filter { known.insert($0).inserted }.map {
                topology.delays(of: $0, options.delays.ladder)
            },
            known: topology.delayQueues,
            settings: options.delays,
            source: self.source,
            recovery: file.connection.recovery,
            logger: logger
        )
    }

    /// Drains and ends.
    ///
    /// A second call ends without waiting for handlers. From any thread.
    public func stop() { self.inbox.requestStop() }

    /// Every job as it stands.
    ///
    /// From any thread.
    public var status: [JobStatus] {
        let failures = self.failures.withLock { $0 }
        return self.pools.map { pool in
            JobStatus(
                name: pool.job.name,
                queue: pool.job.queue,
                state: failures[pool.job.name].map(JobState.failed) ?? pool.state,
                threads: pool.job.threads,
                consuming: pool.handles.count { $0.state == .consuming },
                counts: pool.counters.counts
            )
        }
    }

    func reportStatus() { self.onStatus?(self.status) }

    /// Runs until stopped.
    ///
    /// Blocks the calling thread.
    public func run() -> ExitStatus {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let ledger = self.openCrashLedger()
        defer { ledger?.end() }
        var run = SupervisorRun(self, group: group)
        defer { run.end() }
        return run.run()
    }
}

extension Pool {
    var state: JobState {
        let states = self.handles.map(\.state)
        if states.contains(.consuming) { return .running }
        for case .restarting(let reason) in states { return .restarting(reason) }
        if states.contains(where: { $0 == .making || $0 == .waiting || $0 == .opening }) { return .starting }
        for case .failed(let reason) in states { return .failed(reason) }
        return .drained
    }
}
