import AMQPCore

extension CrossChecks {
    /// What RabbitMQ has unless it is told otherwise (`consumer_timeout`).
    private static let consumerTimeout = Duration.seconds(1800)
    private static let argument = "x-consumer-timeout"

    /// The broker waits for an ack from when it sent the message, not from when a handler began.
    ///
    /// A warning only: what an operator has set is not in the file.
    func checkConsumerTimeout(_ job: JobDecoder.DecodedJob, _ topology: TopologyDecoder.Topology) {
        guard let definition = job.definition, definition.ack.mode == .auto else { return }
        var told: Set<Duration> = []
        for name in job.queues { self.checkConsumerTimeout(of: name, job, definition, topology, &told) }
    }

    private func checkConsumerTimeout(
        of name: Located<String>,
        _ job: JobDecoder.DecodedJob,
        _ definition: JobDefinition,
        _ topology: TopologyDecoder.Topology,
        _ told: inout Set<Duration>
    ) {
        let queue = topology.queues.first { $0.name == name.value }
        let isClassic = queue?.type == .classic
        // A consumer's own argument wins over its queue's.
        let given = Self.given(definition.consumerArguments) ?? Self.given(queue?.arguments ?? [:])
        if isClassic, given != nil {
            self.log.warning(
                .consumerTimeout,
                name.span,
                "from RabbitMQ 4.3 on \(Self.argument) is refused (406) for a classic queue, as \(quoted(name.value)) is:"
                    + " the job would fail there",
                help: "leave it out: RabbitMQ 4.3 does not wait for acks of classic queues; or make it a quorum queue"
            )
        }
        let limit = given ?? Self.consumerTimeout
        let hold = HoldTime(definition)
        guard limit > .zero, hold.longest >= limit, told.insert(limit).inserted else { return }
        let most = definition.prefetch * definition.queues.count
        let what = most == 1 ? "a message" : "the last of \(most) prefetched messages"
        let (place, keys) = self.remedy(job, hold)
        self.log.warning(
            .consumerTimeout,
            place ?? job.nameSpan,
            "job \(quoted(definition.name)) may hold \(what) for \(DurationText.write(hold.longest));"
                + " the broker takes it back after \(DurationText.write(limit)), "
                + (given == nil ? "unless it is told otherwise" : "its \(Self.argument)"),
            help: isClassic
                ? "lower \(keys); RabbitMQ 4.3 and later does not look at classic queues"
                : "lower \(keys), or raise '\(Self.argument)', in milliseconds, under the queue's 'arguments'"
        )
    }

    /// Where the job itself says so much, if it does, and what to lower.
    private func remedy(_ job: JobDecoder.DecodedJob, _ hold: HoldTime) -> (place: SourceSpan?, keys: String) {
        let (own, settings) = (job.own, job.settings)
        if hold.isLimited {
            return (own.rateLimit?.span ?? own.prefetch?.span, "'prefetch', or ease 'rate_limit'")
        }
        let isKilled = settings.killTimeout != nil
        guard isKilled || settings.timeout != nil else { return (nil, "the batch's 'timeout'") }
        let place = (isKilled ? own.killTimeout : own.timeout)?.span ?? own.prefetch?.span
        let key = isKilled ? "'kill_timeout'" : "'timeout'"
        return (place, job.definition?.prefetch == 1 ? key : "'prefetch' or \(key)")
    }

    /// What is no number is for the broker to refuse.
    private static func given(_ arguments: [String: ArgumentValue]) -> Duration? {
        guard case .int(let milliseconds)? = arguments[Self.argument] else { return nil }
        return .milliseconds(milliseconds)
    }
}
