import AMQPBroker
import AMQPBrokerServer
import AMQPCore
import Millrace
public import MillraceHandler
public import MillraceTesting

/// Time, and the end of all movement.
extension TestRun {
    /// Runs until nothing moves any more, and throws if all is not well then.
    ///
    /// Waits of the supervisor are passed over: retries and snoozes, and jobs that are held. What the broker does by the clock, such as
    /// the `message_ttl` of a queue, and schedules come with ``advance(by:limit:)`` alone. All is well if since the last call no message
    /// became a dead letter, no handler ran longer than its `timeout`, every output was delivered, the broker dropped nothing, no
    /// message's time was over in a job's queue, none was lost with a connection on its way to a job without acks, every job runs, and nothing is left in a job's queue or waits for it.
    ///
    /// - Parameters:
    ///   - expectations: What is to be not well, and how often exactly.
    ///   - limit: How long the test waits, in real time.
    ///   - within: How much time of the run may be passed over.
    /// - Throws: ``UnsettledError``, which names messages and errors.
    public func settle(
        expecting expectations: SettleExpectation...,
        limit: Duration = .seconds(60),
        within: Duration = .seconds(7 * 86_400)
    ) async throws {
        let end = MonotonicClock.now() &+ limit.nanoseconds
        var problems: [UnsettledError.Problem] = []
        self.wake(after: limit)
        var look = try await self.rest(until: end, limit)
        let last = look.now &+ within.nanoseconds
        while let wait = look.nextWait {
            guard wait <= last else {
                problems.append(.waitsTooLong(within))
                break
            }
            try await self.jump(nanoseconds: wait - min(wait, look.now))
            look = try await self.rest(until: end, limit)
        }
        try self.judge(problems + self.findings(look), expectations)
    }

    /// Lets so much time pass, and returns when nothing moves any more; what is not well is for ``settle(expecting:limit:within:)`` to say.
    ///
    /// Everything that is due meanwhile is done at its time: retries, holds, schedules, and what the broker does by the clock.
    ///
    /// - Parameters:
    ///   - time: How much; whole milliseconds.
    ///   - limit: How long the test waits, in real time.
    /// - Throws: ``UnsettledError`` if it does not come to rest.
    public func advance(by time: Duration, limit: Duration = .seconds(60)) async throws {
        let end = MonotonicClock.now() &+ limit.nanoseconds
        self.wake(after: limit)
        var look = try await self.rest(until: end, limit)
        let target = look.now &+ time.nanoseconds
        while look.now < target {
            let step = min(look.nextEvent ?? .max, target - look.now)
            try await self.jump(nanoseconds: max(step, 1))
            look = try await self.rest(until: end, limit)
        }
    }

    /// What the handler said of a message, the last time it had it.
    ///
    /// - Parameter id: Its `message-id`.
    /// - Returns: Nil if it has not had it.
    public func outcome(of id: String) -> Outcome? {
        self.deliveries(of: id).last { $0.outcome != nil }?.outcome
    }

    /// Each time that a handler had a message, in their order.
    ///
    /// - Parameter id: Its `message-id`.
    /// - Returns: What it said each time, and what followed.
    public func deliveries(of id: String) -> [HandledDelivery] {
        self.record.deliveries.filter { $0.messageID == id }
    }

    /// Each time that a handler had a message, of all jobs, in their order.
    public var deliveries: [HandledDelivery] { self.record.deliveries }

    /// What the supervisor and its handlers have logged, from `info` up.
    public var logs: [MillraceTesting.LogLine] { self.record.logs }

    // MARK: Waiting

    /// Returns when every job consumes.
    func awaitStart() async throws {
        let limit = Duration.seconds(60)
        let end = MonotonicClock.now() &+ limit.nanoseconds
        self.wake(after: limit)
        while true {
            let count = self.signal.count
            let look = try await self.look()
            for case (let name, .failed(let reason)) in look.status.jobs.map({ ($0.name, $0.state) }) {
                throw TestRunError(.jobFailed(name, reason: reason))
            }
            let missing = look.jobs.filter { job in
                !job.isPaused && job.queues.contains { (look.seen.queues[$0]?.consumers ?? 0) == 0 }
            }
            // Those of a job that is paused have no consumer to wait for, and have to be there all the same.
            let undeclared = self.file.queues.map(\.name).filter { look.seen.queues[$0] == nil }
            if missing.isEmpty, undeclared.isEmpty, look.stillness.ticksWake != 0 { return }
            if MonotonicClock.now() >= end {
                throw TestRunError(
                    .doesNotStart(
                        look.status.readiness.reasons + missing.map { "job '\($0.name)' does not consume" }
                            + undeclared.map { "queue '\($0)' is not there" }
                    )
                )
            }
            await self.signal.wait(after: count)
        }
    }

    /// Returns when nothing moves before a time comes.
    private func rest(until end: UInt64, _ limit: Duration) async throws -> RunLook {
        var quiet: UInt64?
        while true {
            let count = self.signal.count
            let look = try await self.look()
            guard let what = look.movement else {
                // The broker was looked at before the supervisor: what has gone from the one to the other meanwhile shows at
                // a second look.
                if quiet == count { return look }
                quiet = count
                continue
            }
            quiet = nil
            if MonotonicClock.now() >= end {
                throw UnsettledError([.stillMoving(limit: limit, what: what)] + self.findings(look))
            }
            await self.signal.wait(after: count)
        }
    }

    /// So that no limit is overslept.
    private func wake(after limit: Duration) {
        let signal = self.signal
        self.server.call(after: Int64(clamping: limit.nanoseconds / 1_000_000) + 1) { signal.send() }
    }

    /// The broker first: what it says is told to the supervisor after it, never before.
    private func look() async throws -> RunLook {
        let jobs = self.file.jobs
        let queues = Set(jobs.flatMap(\.queues))
        let seen = try await self.server.look { broker, now in
            var seen = RunLook.Seen()
            for view in broker.queues() { seen.queues[view.name] = view }
            // As the supervisor counts what came: all queues of a job together.
            var counted: Set<String> = []
            for job in jobs where job.ack.mode == .none {
                for queue in job.queues where counted.insert(queue).inserted {
                    let departures = broker.departures(of: queue)
                    seen.givenAway[job.queue, default: 0] += departures.givenAway
                    seen.givenAwayToThose[job.queue, default: 0] += departures.givenAwayToThose
                }
            }
            for queue in queues { seen.expired[queue] = broker.departures(of: queue).expired }
            seen.deaths = broker.deaths
            (seen.nextDeadline, seen.now) = (broker.nextDeadline, now)
            return seen
        }
        return RunLook(
            seen: seen,
            stillness: self.supervisor.stillness,
            status: self.supervisor.status,
            jobs: jobs,
            now: self.clock.now
        )
    }

    private func jump(nanoseconds: UInt64) async throws {
        let milliseconds = (nanoseconds &+ 999_999) / 1_000_000
        try await self.server.jump(milliseconds: milliseconds)
        self.clock.jump(milliseconds: milliseconds)
    }

    // MARK: Judging

    private func findings(_ look: RunLook) -> [UnsettledError.Problem] {
        var problems = self.record.takeNew().compactMap { delivery -> UnsettledError.Problem? in
            let (job, message) = (delivery.job, delivery.name)
            return switch delivery.end {
            case .deadLetter: .deadLetter(job: job, message: message, attempt: delivery.attempt, error: delivery.error)
            case .overran: .timeout(job: job, message: message)
            case .undeliverable: .undeliverable(job: job, message: message, error: delivery.error)
            case .done, .publishes, .comesAgain: nil
            }
        }
        for (death, reason) in [(Death.maxlen, "a queue was full"), (Death.deliveryLimit, "given out too often")] {
            let count = self.record.takeDeaths(death, of: look.seen.deaths)
            if count > 0 { problems.append(.dropped(count, reason: reason)) }
        }
        for (queue, count) in self.record.takeNew(.expired, of: look.seen.expired) {
            problems.append(.expired(queue: queue, count: count))
        }
        for (queue, count) in self.record.takeNew(.lost, of: look.lost) {
            problems.append(.lost(queue: queue, count: count))
        }
        for job in look.status.jobs {
            if case .failed(let reason) = job.state { problems.append(.jobFailed(job.name, reason: reason)) }
        }
        for queue in look.jobQueues {
            let (ready, waiting) = look.left(of: queue)
            if ready + waiting > 0 { problems.append(.left(queue: queue, ready: ready, waiting: waiting)) }
        }
        return problems
    }

    private func judge(_ problems: [UnsettledError.Problem], _ expectations: [SettleExpectation]) throws {
        var (rest, wrong) = (problems, [UnsettledError.Problem]())
        for expectation in expectations {
            let found = rest.reduce(0) { $0 + (expectation.count(of: $1) ?? 0) }
            guard found == expectation.count else {
                wrong.append(.expected(expectation, found: found))
                continue
            }
            rest.removeAll { expectation.count(of: $0) != nil }
        }
        if !(wrong + rest).isEmpty { throw UnsettledError(wrong + rest) }
    }
}
