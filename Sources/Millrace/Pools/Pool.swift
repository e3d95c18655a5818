import AMQPClient
import Logging
import Synchronization

/// The workers of one job.
// @unchecked Sendable: `threads` is touched by the supervisor's thread alone.
final class Pool: @unchecked Sendable {
    let job: JobDefinition
    let counters = JobCounters()
    /// The queues in which this job's messages wait for their time, or rest.
    let parkingQueues = ParkingQueues()
    let handles: [WorkerHandle]
    private let entry: HandlerEntry
    private let source: ConnectionSource
    private let topology: Topology
    private let recovery: RecoverySettings
    private let stopReason = Monitor<String?>(nil)
    private let limiter: RateLimiter?
    private var threads: [WorkerThread] = []
    /// Given before the start, by the supervisor's thread.
    var crashLedger: CrashLedger?

    init(
        job: JobDefinition,
        entry: HandlerEntry,
        source: ConnectionSource,
        topology: Topology,
        recovery: RecoverySettings,
        logger: Logger,
        jobStopped: @escaping @Sendable (String, String) -> Void
    ) {
        self.job = job
        self.entry = entry
        self.source = source
        self.topology = topology
        self.recovery = recovery
        self.limiter = job.rateLimit.map(RateLimiter.init)
        let counters = self.counters
        self.handles = (0..<job.threads).map { index in
            WorkerHandle(job: job, index: index, counters: counters, logger: logger) { reason in
                jobStopped(job.name, reason)
            }
        }
    }

    /// Deliveries that one of its workers may have in hand.
    var tasksPerThread: Int { self.entry.isAsync ? self.job.tasksPerThread : 1 }

    var isStarted: Bool { !self.threads.isEmpty }

    func start() throws(ThreadError) {
        for handle in self.handles {
            let entry = self.entry
            let source = self.source
            let (parkingQueues, limiter) = (self.parkingQueues, self.limiter)
            let crashLedger = self.crashLedger
            let topology = self.topology
            let backoff = Backoff(self.recovery)
            let thread = try WorkerThread.start(name: "\(self.job.name)/\(handle.index)") {
                let worker = Worker(
                    handle: handle,
                    source: source,
                    topology: topology,
                    entry: entry,
                    parkingQueues: parkingQueues,
                    limiter: limiter
                )
                worker.ledger = crashLedger?.line(for: handle, tasks: worker.tasksPerThread)
                worker.run(backoff: backoff)
                worker.ledger?.end()
            }
            self.threads.append(thread)
        }
    }

    func signal(_ bit: UInt32) {
        for handle in self.handles { handle.signal(bit) }
    }

    var hasEnded: Bool {
        self.handles.allSatisfy { handle in
            switch handle.state {
            case .ended, .failed: true
            case .waiting, .opening, .consuming, .restarting: !self.isStarted
            }
        }
    }

    /// Every thread has ended: wait for the last instructions of each.
    func join() {
        for thread in self.threads { thread.join() }
        self.threads = []
    }

    var inHand: Int { self.handles.reduce(0) { $0 + $1.inHand.load(ordering: .acquiring) } }
}
