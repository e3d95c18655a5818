/// What the parts of a file say together.
struct CrossChecks {
    /// Channel numbers that RabbitMQ offers by default (`channel_max`).
    static let channelLimit = 2047

    let log: DiagnosticLog

    func check(
        _ jobs: [JobDecoder.DecodedJob],
        defaults: JobSettings,
        _ topology: TopologyDecoder.Topology,
        ledger: CrashLedgerSettings?,
        publishing: PublishingConnection
    ) {
        for job in jobs {
            self.checkAck(job, defaults)
            self.checkRetry(job)
            self.checkTasks(job)
            self.checkPublish(job)
            self.checkKillTimeout(job)
            self.checkConsumerTimeout(job, topology)
            self.checkDeaths(job, topology, ledger)
            self.checkStream(job)
        }
        self.checkThreads(jobs, publishing)
        if ledger != nil { self.checkLedger(jobs) }
        self.checkCircles(jobs, topology)
        self.checkNames(jobs, topology)
    }

    private func checkAck(_ job: JobDecoder.DecodedJob, _ defaults: JobSettings) {
        let isNone = job.settings.ackMode?.value == AckPolicy.Mode.none
        if isNone {
            // A default that other jobs need may meet a job that needs none; within one block it is a mistake.
            let isDefault = job.own.ackMode == nil
            if let action = job.own.onFailure ?? (isDefault ? defaults.onFailure : nil) {
                self.log.error(
                    .conflict,
                    action.span,
                    "'on_failure' has nothing to settle: with 'ack: none' the broker has forgotten the message"
                )
            }
            if let batch = job.own.ackBatch ?? (isDefault ? defaults.ackBatch : nil) {
                self.log.error(.conflict, batch.span, "'batch' has nothing to count: with 'none' nothing is acked")
            }
            return
        }
        let prefetch = job.settings.prefetch?.value ?? 20
        guard let batch = job.settings.ackBatch, batch.value > prefetch else { return }
        let own = job.own.ackBatch?.span ?? job.own.prefetch?.span
        let most = self.most(job)
        self.log.error(
            .conflict,
            own ?? batch.span,
            "an ack batch of \(self.log.shown(batch)) never fills with a prefetch of \(most):"
                + " the broker would wait for acks before it sends more",
            help: "batch up to prefetch"
        )
    }

    /// The prefetch, as a message may say it.
    private func most(_ job: JobDecoder.DecodedJob) -> String {
        job.settings.prefetch.map { self.log.shown($0) } ?? "20"
    }

    private func checkRetry(_ job: JobDecoder.DecodedJob) {
        guard let retry = job.own.retry, let action = job.settings.onFailure, action.value != .retry else { return }
        self.log.error(
            .conflict,
            retry.span,
            "'retry' has nothing to do: on_failure is \(action.value.rawValue)",
            help: "write on_failure: retry, or leave 'retry' out"
        )
    }

    private func checkPublish(_ job: JobDecoder.DecodedJob) {
        let policy = job.settings
        guard let batch = policy.publishBatch else { return }
        if policy.publishMode?.value == PublishPolicy.Mode.none, let own = job.own.publishBatch {
            self.log.error(
                .conflict,
                own.span,
                "'publish.batch' has nothing to share: with mode none no answer is waited for",
                help: "write mode: confirm or mode: tx, or leave 'batch' out"
            )
        }
        let prefetch = policy.prefetch?.value ?? 20
        guard policy.ackMode?.value != AckPolicy.Mode.none, batch.value.size > prefetch else { return }
        self.log.error(
            .conflict,
            job.own.publishBatch?.span ?? job.own.prefetch?.span ?? batch.span,
            "a publish batch of \(batch.value.size) never fills with a prefetch of \(self.most(job)):"
                + " the broker would wait for acks before it sends more",
            help: "batch up to prefetch"
        )
    }

    private func checkTasks(_ job: JobDecoder.DecodedJob) {
        let prefetch = job.settings.prefetch?.value ?? 20
        guard let tasks = job.settings.tasksPerThread, tasks.value > prefetch else { return }
        self.log.error(
            .conflict,
            (job.own.tasksPerThread ?? tasks).span,
            "\(self.log.shown(tasks)) tasks per thread never run with a prefetch of \(self.most(job)):"
                + " the broker sends no more",
            help: "raise 'prefetch' to at least 'tasks_per_thread'"
        )
    }

    private func checkThreads(_ jobs: [JobDecoder.DecodedJob], _ publishing: PublishingConnection) {
        // Beside its own a worker opens one with its first output, and one with its first retry or dead letter.
        let most = publishing == .shared ? 3 : 2
        var total = 0
        for job in jobs {
            let before = total
            total += job.settings.mostThreads
            if before * most <= Self.channelLimit, total * most > Self.channelLimit, total <= Self.channelLimit {
                self.log.warning(
                    .tooManyThreads,
                    job.own.threads?.span ?? job.nameSpan,
                    "up to here the jobs have \(total) threads; with outputs, retries and dead letters they may need"
                        + " \(total * most) channels of a connection, which has at most \(Self.channelLimit)",
                    help: "lower 'threads', or run a second supervisor"
                )
            }
            guard before <= Self.channelLimit, total > Self.channelLimit else { continue }
            self.log.error(
                .tooManyThreads,
                job.own.threads?.span ?? job.nameSpan,
                "up to here the jobs have \(total) threads, each with a channel; a connection has at most"
                    + " \(Self.channelLimit)",
                help: "lower 'threads', or run a second supervisor"
            )
        }
    }

    /// A name that is not in the file may be on the broker; one that is nearly in the file is a slip.
    private func checkNames(_ jobs: [JobDecoder.DecodedJob], _ topology: TopologyDecoder.Topology) {
        let exchanges = Set(topology.exchanges.map(\.name))
        let inOrder = topology.exchanges.map(\.name)
        for mention in topology.exchangeMentions where !exchanges.contains(mention.value) {
            guard !mention.value.hasPrefix("amq."), let nearest = NearestName.of(mention.value, among: inOrder) else {
                continue
            }
            self.warn(.unknownExchange, mention, "exchange", "exchanges", nearest)
        }
        let queues = Set(topology.queues.map(\.name))
        let queuesInOrder = topology.queues.map(\.name)
        for queue in jobs.flatMap(\.queues) where !queues.contains(queue.value) {
            guard let nearest = NearestName.of(queue.value, among: queuesInOrder) else { continue }
            self.warn(.unknownQueue, queue, "queue", "queues", nearest)
        }
    }

    private func warn(_ id: DiagnosticID, _ name: Located<String>, _ kind: String, _ list: String, _ nearest: String) {
        self.log.warning(
            id,
            name.span,
            "the \(kind) \(self.log.quoted(name.value, at: name.span)) is not under '\(list)'; it must exist on the broker",
            help: "did you mean \(quoted(nearest))?"
        )
    }
}
