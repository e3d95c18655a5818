import AMQPClient
import Synchronization

/// The one place where a ``SupervisorStatus`` is made.
extension Supervisor {
    /// How it stands now.
    ///
    /// From any thread.
    public var status: SupervisorStatus {
        let watched = self.watched.withLock { $0 }
        let failures = self.failures.withLock { $0 }
        let now = MonotonicClock.now()
        let overrides = self.board.withLock { $0.overrides }
        let connection = Self.standing(self.source.current, watched.whyNotConnected)
        let outputs =
            self.source.publishesSeparately
            ? Self.standing(self.source.publishing, self.source.whyNotPublishing) : nil
        return SupervisorStatus(
            isDraining: watched.isDraining,
            connection: connection,
            outputs: outputs,
            jobs: self.pools.map { pool in
                pool.status(
                    failure: failures[pool.job.name],
                    connection,
                    awaited: pool.job.queues.first { self.topology.standing(of: $0) != .there },
                    idle: watched.overdue,
                    overrides: overrides[pool.job.name],
                    now: now
                )
            }
        )
    }

    private static func standing(_ connection: Connection?, _ error: AMQPError?) -> SupervisorStatus.Connection {
        guard let connection else { return .missing(error.map { "\($0)" }) }
        return connection.isBlocked ? .blocked : .up
    }

    /// Whether there is a connection and every job consumes; see ``SupervisorStatus/readiness``.
    ///
    /// From any thread.
    public var readiness: Readiness { self.status.readiness }
}

extension Pool {
    /// How the job stands now.
    ///
    /// - Parameters:
    ///   - failure: Why the supervisor has it as failed, if so.
    ///   - connection: Where its connection stands.
    ///   - awaited: A queue of the job's of which its broker has not said yet that it is there.
    ///   - idle: Workers that should consume, and do not, for too long.
    ///   - overrides: What operators have changed of it.
    ///   - now: The time, in nanoseconds of the monotonic clock.
    /// - Returns: All of it read once.
    func status(
        failure: String?,
        _ connection: SupervisorStatus.Connection,
        awaited: String?,
        idle: Set<ObjectIdentifier>,
        overrides: JobOverrides,
        now: UInt64
    ) -> JobStatus {
        let (handles, job) = (self.handles, self.job)
        let states = handles.map(\.state)
        let absent: [String: String] = handles.reduce(into: [:]) { all, handle in
            all.merge(handle.absentQueues) { first, _ in first }
        }
        let state = failure.map(JobState.failed) ?? self.state(states)
        let began = handles.map { $0.beganAt.load(ordering: .relaxed) }.filter { $0 > 0 && $0 < now }.min()
        var status = JobStatus(
            name: job.name,
            queue: job.queue,
            state: state,
            threads: self.target,
            consuming: states.count { $0 == .consuming },
            inHand: handles.reduce(0) { $0 + $1.inHand.load(ordering: .acquiring) },
            oldestInHand: began.map { .nanoseconds(Int64(clamping: now - $0)) } ?? .zero,
            counts: self.counters.counts,
            reason: Self.reason(state, connection, awaits: awaited) ?? Self.absence(state, job, absent),
            idle: handles.count { idle.contains(ObjectIdentifier($0)) },
            missing: self.missingThreads,
            fileThreads: job.threads,
            overrides: overrides,
            isLeaving: self.isLeaving,
            scalingNote: self.scaling.withLock { $0.note },
            hold: HoldStatus(self.hold.phase, clock: self.clock.now, wall: Int64(clamping: WallClock.seconds())),
            holds: self.hold.count
        )
        status.queues = job.queues
        status.absentQueues = absent.filter { job.queues.contains($0.key) }
        status.consumersOfQueues =
            job.furtherQueues.isEmpty
            ? [:]
            : job.queues.reduce(into: [:]) { counts, queue in
                counts[queue] = handles.count { $0.consumes(queue) }
            }
        status.times = self.counters.times
        status.failure = self.counters.failure
        status.busy = handles.count { $0.beganAt.load(ordering: .relaxed) > 0 }
        status.prefetched = handles.reduce(0) { sum, handle in
            // One whose thread is in a handler has not looked since that began.
            let isBusy = self.blocksItsThreads && handle.beganAt.load(ordering: .relaxed) > 0
            return sum + max(handle.unbegun.load(ordering: .relaxed) - (isBusy ? 1 : 0), 0)
        }
        status.wanted = self.scaling.withLock { $0.wanted }
        status.publishMode = "\(job.publish.mode)"
        status.timeout = job.timeout
        return status
    }

    /// Which of several queues is not consumed, while others are.
    private static func absence(_ state: JobState, _ job: JobDefinition, _ absent: [String: String]) -> String? {
        guard state == .running else { return nil }
        let lines = job.queues.compactMap { queue in absent[queue].map { "queue '\(queue)' is not consumed: \($0)" } }
        return lines.isEmpty ? nil : lines.joined(separator: "; ")
    }

    var state: JobState { self.state(self.handles.map(\.state)) }

    private func state(_ states: [WorkerState]) -> JobState {
        if self.isPaused { return .paused }  // what is in hand still is told apart
        if self.hold.isHeld { return .held }
        if !self.isStarted, states.isEmpty { return .starting }
        if states.contains(.consuming) { return .running }
        for case .restarting(let reason) in states { return .restarting(reason) }
        if states.contains(where: { $0 == .making || $0 == .waiting || $0 == .opening }) { return .starting }
        for case .failed(let reason) in states { return .failed(reason) }
        return .drained
    }

    private static func reason(
        _ state: JobState,
        _ connection: SupervisorStatus.Connection,
        awaits queue: String?
    ) -> String? {
        switch (state, connection) {
        case (.restarting(let reason), _), (.failed(let reason), _): reason
        case (.starting, .missing(let reason)): SupervisorStatus.line("no connection to the broker", reason)
        case (.starting, .up), (.starting, .blocked):
            queue.map { "the broker has not said yet that queue '\($0)' is there" }
        case (.running, _), (.paused, _), (.held, _), (.drained, _): nil
        }
    }
}
