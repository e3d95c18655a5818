import AMQPClient
import Logging
import Synchronization

/// The workers of one job: it follows a target, a number of threads and a definition of the job, which may change while it runs.
///
/// Which workers that are, its ``PoolMachine`` says; here they get their threads.
// @unchecked Sendable: the `var`s are touched by the supervisor's thread alone.
final class Pool: @unchecked Sendable {
    let counters = JobCounters()
    /// The queues in which this job's messages wait for their time, or rest.
    let parkingQueues = ParkingQueues()
    private let source: ConnectionSource
    private let topology: Topology
    private let recovery: RecoverySettings
    private let ladder: DelayLadder
    private let hooks: WorkHooks
    private let jobStopped: @Sendable (String) -> Void
    private let changed: @Sendable () -> Void
    let logger: Logger
    private let hung = HungMessages()
    /// Whether it takes messages, by how it went lately.
    let hold: JobHold
    /// Of the hold that its workers were started in.
    private var epoch = 0
    private let optionNotes = OptionNotes()
    let suspicion: Suspicion
    /// Whether the supervisor has it as failed because it ends connections, though it is tried on.
    var failsOnTrial = false
    private let startThread: ThreadStart
    private var machine: PoolMachine
    private var entry: HandlerEntry
    private var limiter: RateLimiter?
    private var threads: [PoolMachine.Worker: (handle: WorkerHandle, thread: WorkerThread)] = [:]
    /// Given up at `kill_timeout`, their threads still in a handler.
    private(set) var abandoned: [WorkerHandle] = []
    /// Given before the start, by the supervisor's thread.
    var crashLedger: CrashLedger?
    /// Why its threads do not follow its backlog, if so, and how many it asks for.
    let scaling = Monitor<(note: String?, wanted: Int?)>((nil, nil))
    /// Whether there are too few threads, as was said.
    private var isShort = false

    /// What others may look at.
    private struct Face {
        var job: JobDefinition
        var target: Int
        var handles: [WorkerHandle] = []
        var missing = 0
        var isStarted = false
        var isPaused = false
        var isLeaving = false
    }
    private let face: Monitor<Face>

    init(
        job: JobDefinition,
        entry: HandlerEntry,
        source: ConnectionSource,
        topology: Topology,
        recovery: RecoverySettings,
        ladder: DelayLadder,
        hooks: WorkHooks = WorkHooks(),
        logger: Logger,
        startThread: @escaping ThreadStart = WorkerThread.start,
        jobStopped: @escaping @Sendable (String, String) -> Void,
        changed: @escaping @Sendable () -> Void
    ) {
        self.changed = changed
        self.startThread = startThread
        self.entry = entry
        self.source = source
        self.topology = topology
        self.recovery = recovery
        self.ladder = ladder
        self.hooks = hooks
        self.suspicion = Suspicion(recovery)
        self.limiter = job.rateLimit.map(RateLimiter.init)
        self.hold = JobHold(job.circuit, clock: hooks.clock)
        self.logger = logger
        self.jobStopped = { reason in jobStopped(job.name, reason) }
        self.machine = PoolMachine(threads: job.isPaused ? 0 : job.threads)
        self.face = Monitor(Face(job: job, target: job.threads, isPaused: job.isPaused))
        self.hung.watch { [weak self] in self?.handles ?? [] }
        self.hold.watch(held: { [weak self] in self?.noteHold($0) }, changed: changed)
    }

    /// By which its messages wait, and by which it is held.
    var clock: JobClock { self.hooks.clock }
    /// As it is from now on; from any thread.
    var job: JobDefinition { self.face.withLock { $0.job } }
    /// How many workers there should be; from any thread.
    var target: Int { self.face.withLock { $0.target } }
    /// The workers of the moment; from any thread.
    var handles: [WorkerHandle] { self.face.withLock { $0.handles } }
    /// How many threads there should be and are not; from any thread.
    var missingThreads: Int { self.face.withLock { $0.missing } }
    var isStarted: Bool { self.face.withLock { $0.isStarted } }
    /// Whether it rests: it has no workers until somebody resumes it; from any thread.
    var isPaused: Bool { self.face.withLock { $0.isPaused } }
    /// Whether its job is no more, and its workers are on their way out; from any thread.
    var isLeaving: Bool { self.face.withLock { $0.isLeaving } }
    /// The workers there should be at the moment.
    private var wanted: Int { self.hold.threads(of: self.face.withLock { $0.isPaused ? 0 : $0.target }) }

    private func makeHandle(_ index: Int, _ job: JobDefinition, isOnTrial: Bool) -> WorkerHandle {
        WorkerHandle(
            job: job,
            index: index,
            counters: self.counters,
            logger: self.logger,
            hung: self.hung,
            optionNotes: self.optionNotes,
            killSwitch: job.killTimeout == nil ? nil : KillSwitch(hung: self.hung),
            hold: self.hold,
            epoch: self.epoch,
            isOnTrial: isOnTrial,
            jobStopped: { [weak self, jobStopped] reason in
                // Before the message that stopped it is back: none of the others begins it.
                for handle in self?.handles ?? [] { handle.signal(WorkerHandle.Signal.drain) }
                jobStopped(reason)
            },
            changed: self.changed
        )
    }

    /// Deliveries that one of its workers may have in hand.
    var handsPerThread: Int {
        if self.entry.isBatch { return self.job.batchOptions.size }
        return self.entry.isAsync ? self.job.tasksPerThread : 1
    }

    /// Whether a worker can do nothing while a handler runs.
    var blocksItsThreads: Bool { !self.entry.isAsync }

    /// Deliveries that its workers may have in hand, those whose threads hang included.
    var ledgerSlots: Int {
        (self.target + (self.job.killTimeout == nil ? 0 : self.abandonLimit + 1)) * self.handsPerThread
    }

    // MARK: The target

    /// Starts as many workers as the system has threads for; the others are tried again.
    ///
    /// - Throws: Why there is not even one.
    func start() throws(ThreadError) {
        self.face.withLock { $0.isStarted = true }
        let failure = self.follow(now: self.clock.now)
        guard let failure, self.threads.isEmpty, self.wanted > 0 else { return }
        self.face.withLock { $0.isStarted = false }
        throw failure
    }

    /// There should be so many from now on.
    func setTarget(_ threads: Int) {
        self.face.withLock { $0.target = threads }
        self.changeHands()
    }

    /// It rests from now on, or rests no more.
    func setPaused(_ isPaused: Bool) {
        self.face.withLock { $0.isPaused = isPaused }
        self.changeHands()
    }

    /// Its workers go one by one between two messages, and others come.
    func replaceWorkers() {
        self.machine.revive()
        _ = self.machine.setVersion()
        self.changeHands()
    }

    /// Its workers go over to another connection, one by one between two messages; a job that has failed stays so.
    func moveWorkers() {
        guard !self.hasEnded else { return }
        _ = self.machine.setVersion()
        self.changeHands()
    }

    /// The job is no more: what its workers have in hand is finished, and they end.
    func leave() {
        self.face.withLock { $0.isLeaving = true }
        self.signal(WorkerHandle.Signal.drain)
    }

    /// The same job, written otherwise where its workers do not see it: its number of threads, whether it rests.
    func adopt(_ job: JobDefinition) { self.face.withLock { $0.job = job } }

    /// Whether its handler is another piece of code than this.
    func hasOther(_ entry: HandlerEntry) -> Bool { self.entry.descriptor != entry.descriptor }

    /// The job is another one from now on, with the same name and queue: each worker is replaced between two messages.
    ///
    /// - Parameters:
    ///   - job: How it is.
    ///   - entry: Its handler.
    ///   - threads: How many, if somebody wants other than the job says.
    func setDefinition(_ job: JobDefinition, _ entry: HandlerEntry, threads: Int? = nil) {
        _ = self.machine.setVersion()
        self.entry = entry
        self.hold.change(job.circuit)
        if job.rateLimit != self.job.rateLimit { self.limiter = job.rateLimit.map(RateLimiter.init) }
        self.face.withLock { face in
            face.job = job
            face.target = threads ?? job.threads
        }
        self.changeHands()
    }

    /// Those who go keep their places in the ledger until they have gone.
    private func changeHands() {
        self.machine.setTarget(self.wanted)
        self.crashLedger?.makeRoom(for: self.target * self.handsPerThread)
        _ = self.follow(now: self.clock.now)
    }

    /// Starts and ends workers until there are as many as there should be, and takes note of who has ended.
    ///
    /// - Returns: Why one could not be started.
    @discardableResult
    func follow(now: UInt64) -> ThreadError? {
        guard self.isStarted else { return nil }
        self.followHold(now: now)
        for (worker, (handle, _)) in self.inOrder where handle.state.isOver { self.machine.ended(worker) }
        var failure: ThreadError?
        for action in self.machine.next(now: now) {
            switch action {
            case .drain(let worker): self.threads[worker]?.handle.signal(WorkerHandle.Signal.drain)
            case .start(let worker):
                do throws(ThreadError) {
                    try self.start(worker)
                } catch {
                    failure = error
                    self.machine.notStarted(worker, now: now)
                }
            }
        }
        self.forgetEnded()
        self.sayWhatIsMissing(failure)
        return failure
    }

    /// When to ask again though nothing happens.
    var wake: UInt64? { [self.machine.wake, self.hold.wake].compactMap(\.self).min() }

    /// Whether it takes messages decides how many workers there are, and each change of that takes new ones.
    private func followHold(now: UInt64) {
        _ = self.hold.advance(now: now)
        if self.hold.epoch != self.epoch {
            self.epoch = self.hold.epoch
            _ = self.machine.setVersion()
            self.sayHold()
        }
        self.machine.setTarget(self.wanted)
    }

    /// The supervisor's thread is to look at it.
    func tellChange() { self.changed() }

    /// Those that began first come first: whoever looks at all of them does so in the same order each time.
    private var inOrder: [(key: PoolMachine.Worker, value: (handle: WorkerHandle, thread: WorkerThread))] {
        self.threads.sorted { $0.key.number < $1.key.number }
    }

    private func forgetEnded() {
        let known = self.machine.all
        for (worker, (handle, thread)) in self.inOrder where !known.contains(worker) {
            self.threads[worker] = nil
            thread.join()  // it has ended: wait for the last instructions
            self.face.withLock { $0.handles.removeAll { $0 === handle } }
        }
        let missing = self.machine.missing
        self.face.withLock { $0.missing = missing }
    }

    private func sayWhatIsMissing(_ failure: ThreadError?) {
        let missing = self.machine.missing
        if let failure, !self.isShort, !self.threads.isEmpty {
            self.isShort = true
            self.logger.error(
                "some threads could not be started; the others work, and these are tried again",
                metadata: ["job": "\(self.job.name)", "missing": .number(missing), "reason": "\(failure)"]
            )
        } else if missing == 0, self.isShort {
            self.isShort = false
            self.logger.info("the threads that could not be started run now", metadata: ["job": "\(self.job.name)"])
        }
    }

    private func start(_ planned: PoolMachine.Worker) throws(ThreadError) {
        let isOnTrial = if case .trial = self.hold.phase { true } else { false }
        let job = isOnTrial ? self.job.onTrial : self.job
        let handle = self.makeHandle(planned.place, job, isOnTrial: isOnTrial)
        let (entry, source, topology) = (self.entry, self.source, self.topology)
        let (parkingQueues, limiter, crashLedger) = (self.parkingQueues, self.limiter, self.crashLedger)
        let (hands, ladder, suspicion) = (self.handsPerThread, self.ladder, self.suspicion)
        let hooks = self.hooks
        let backoff = Backoff(self.recovery)
        // Before its thread runs: whoever is told of a change finds it.
        self.face.withLock { $0.handles.append(handle) }
        // Whoever has held it since was not told of this one.
        if self.hold.isHeld { handle.signal(WorkerHandle.Signal.drain) }
        do throws(ThreadError) {
            let thread = try self.startThread("\(job.name)/\(planned.place)") {
                let worker = Worker(
                    handle: handle,
                    source: source,
                    topology: topology,
                    entry: entry,
                    parkingQueues: parkingQueues,
                    limiter: limiter,
                    ladder: ladder,
                    hooks: hooks,
                    suspicion: suspicion
                )
                let line = crashLedger?.line(for: job, hands: hands)
                worker.hands.slot = entry.isBatch ? nil : line?.plainSlot
                worker.hands.ledger = worker.hands.slot == nil ? line : nil
                worker.run(backoff: backoff)
                line?.end()
            }
            self.threads[planned] = (handle, thread)
        } catch {
            self.face.withLock { $0.handles.removeAll { $0 === handle } }
            throw error
        }
    }

    /// A worker whose thread does not come back leaves: nobody waits for that thread any more.
    ///
    /// - Parameters:
    ///   - handle: Its.
    ///   - isReplaced: Whether another one takes its place.
    func take(out handle: WorkerHandle, isReplaced: Bool) {
        self.face.withLock { $0.handles.removeAll { $0 === handle } }
        guard let worker = self.threads.first(where: { $0.value.handle === handle })?.key else { return }
        self.threads.removeValue(forKey: worker)?.thread.detach()
        self.abandoned.append(handle)
        self.machine.abandoned(worker, isReplaced: isReplaced)
    }

    /// Forgets abandoned workers whose handler has returned after all.
    func forgetEndedAbandoned() { self.abandoned.removeAll { $0.state == .ended } }

    func signal(_ bit: UInt32) {
        // A job that ends is not begun again when there is a thread.
        if bit & WorkerHandle.Signal.drain != 0 { self.machine.drain() }
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

    /// Whether its workers do nothing more, though the plugin may be letting go of a handler still, and no others follow.
    var hasWorkedOff: Bool {
        guard !self.isStarted || !self.machine.isChanging else { return false }
        return self.hasEnded
            || self.handles.allSatisfy { handle in
                switch handle.state {
                case .ended, .failed, .dropping: true
                case .making, .waiting, .opening, .consuming, .restarting: false
                }
            }
    }

    /// Nobody waits for its threads any more: some may never end.
    func letGo() {
        for (_, (_, thread)) in self.inOrder { thread.detach() }
        self.threads = [:]
    }

    /// Every thread has ended: wait for the last instructions of each.
    func join() {
        for (_, (_, thread)) in self.inOrder { thread.join() }
        self.threads = [:]
        self.face.withLock { $0.isStarted = false }
    }

    var inHand: Int { self.handles.reduce(0) { $0 + $1.inHand.load(ordering: .acquiring) } }
}
