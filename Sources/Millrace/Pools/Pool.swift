import AMQPClient
import Logging
import Synchronization

/// The workers of one job.
// @unchecked Sendable: the `var`s are touched by the supervisor's thread alone.
final class Pool: @unchecked Sendable {
    let job: JobDefinition
    let counters = JobCounters()
    /// The queues in which this job's messages wait for their time, or rest.
    let parkingQueues = ParkingQueues()
    private let entry: HandlerEntry
    private let source: ConnectionSource
    private let topology: Topology
    private let recovery: RecoverySettings
    private let ladder: DelayLadder
    private let stopReason = Monitor<String?>(nil)
    private let limiter: RateLimiter?
    private let jobStopped: @Sendable (String) -> Void
    private let logger: Logger
    private let hung = HungMessages()
    let suspicion: Suspicion
    /// Whether the supervisor has it as failed because it ends connections, though it is tried on.
    var failsOnTrial = false
    private let workers: Monitor<[WorkerHandle]>
    private var threads: [(handle: WorkerHandle, thread: WorkerThread)] = []
    /// Given up at `kill_timeout`, their threads still in a handler.
    private(set) var abandoned: [WorkerHandle] = []
    private(set) var isStarted = false
    /// Given before the start, by the supervisor's thread.
    var crashLedger: CrashLedger?

    init(
        job: JobDefinition,
        entry: HandlerEntry,
        source: ConnectionSource,
        topology: Topology,
        recovery: RecoverySettings,
        ladder: DelayLadder,
        logger: Logger,
        jobStopped: @escaping @Sendable (String, String) -> Void
    ) {
        self.job = job
        self.entry = entry
        self.source = source
        self.topology = topology
        self.recovery = recovery
        self.ladder = ladder
        self.suspicion = Suspicion(recovery)
        self.limiter = job.rateLimit.map(RateLimiter.init)
        self.logger = logger
        self.jobStopped = { reason in jobStopped(job.name, reason) }
        self.workers = Monitor([])
        let handles = (0..<job.threads).map { self.makeHandle($0) }
        self.workers.withLock { $0 = handles }
        self.hung.watch { [weak self] in self?.handles ?? [] }
    }

    private func makeHandle(_ index: Int) -> WorkerHandle {
        WorkerHandle(
            job: self.job,
            index: index,
            counters: self.counters,
            logger: self.logger,
            hung: self.hung,
            killSwitch: self.job.killTimeout == nil ? nil : KillSwitch(hung: self.hung),
            jobStopped: self.jobStopped
        )
    }

    /// Deliveries that one of its workers may have in hand.
    var handsPerThread: Int {
        if self.entry.isBatch { return Batching.options(of: self.job).size }
        return self.entry.isAsync ? self.job.tasksPerThread : 1
    }

    /// Whether a worker can do nothing while a handler runs.
    var blocksItsThreads: Bool { !self.entry.isAsync }

    /// Deliveries that its workers may have in hand, those whose threads hang included.
    var ledgerSlots: Int {
        (self.job.threads + (self.job.killTimeout == nil ? 0 : self.abandonLimit + 1)) * self.handsPerThread
    }

    /// The workers of the moment, from any thread.
    var handles: [WorkerHandle] { self.workers.withLock { $0 } }

    func start() throws(ThreadError) {
        for handle in self.handles { try self.start(handle) }
    }

    private func start(_ handle: WorkerHandle) throws(ThreadError) {
        let (entry, source, topology) = (self.entry, self.source, self.topology)
        let (parkingQueues, limiter, crashLedger) = (self.parkingQueues, self.limiter, self.crashLedger)
        let (hands, ladder, suspicion) = (self.handsPerThread, self.ladder, self.suspicion)
        let backoff = Backoff(self.recovery)
        let thread = try WorkerThread.start(name: "\(self.job.name)/\(handle.index)") {
            let worker = Worker(
                handle: handle,
                source: source,
                topology: topology,
                entry: entry,
                parkingQueues: parkingQueues,
                limiter: limiter,
                ladder: ladder,
                suspicion: suspicion
            )
            let line = crashLedger?.line(for: handle, hands: hands)
            worker.slot = entry.isBatch ? nil : line?.plainSlot
            worker.ledger = worker.slot == nil ? line : nil
            worker.run(backoff: backoff)
            line?.end()
        }
        self.threads.append((handle, thread))
        self.isStarted = true
    }

    /// A worker whose thread does not come back leaves: nobody waits for that thread any more.
    func take(out handle: WorkerHandle) {
        self.workers.withLock { $0.removeAll { $0 === handle } }
        guard let index = self.threads.firstIndex(where: { $0.handle === handle }) else { return }
        self.threads.remove(at: index).thread.detach()
        self.abandoned.append(handle)
    }

    /// Starts another worker in the place of one that was taken out.
    func replace(_ handle: WorkerHandle) throws(ThreadError) {
        let successor = self.makeHandle(handle.index)
        try self.start(successor)
        self.workers.withLock { $0.append(successor) }
    }

    /// Forgets abandoned workers whose handler has returned after all.
    func forgetEndedAbandoned() { self.abandoned.removeAll { $0.state == .ended } }

    func signal(_ bit: UInt32) {
        for handle in self.handles { handle.signal(bit) }
    }

    var hasEnded: Bool {
        self.handles.allSatisfy { handle in
            switch handle.state {
            case .ended, .failed: true
            case .making, .waiting, .opening, .consuming, .restarting, .dropping: !self.isStarted
            }
        }
    }

    /// Whether its workers do nothing more, though the plugin may be letting go of a handler still.
    var hasWorkedOff: Bool {
        self.hasEnded
            || self.handles.allSatisfy { handle in
                switch handle.state {
                case .ended, .failed, .dropping: true
                case .making, .waiting, .opening, .consuming, .restarting: false
                }
            }
    }

    /// Nobody waits for its threads any more: some may never end.
    func letGo() {
        for (_, thread) in self.threads { thread.detach() }
        self.threads = []
    }

    /// Every thread has ended: wait for the last instructions of each.
    func join() {
        for (_, thread) in self.threads { thread.join() }
        self.threads = []
        self.isStarted = false
    }

    var inHand: Int { self.handles.reduce(0) { $0 + $1.inHand.load(ordering: .acquiring) } }
}
