import AMQPWire

extension CrossChecks {
    /// What a quorum queue does to a message that comes back too often.
    ///
    /// Attempts are not what it counts: each is a copy of its own, and a new message to the broker. What comes back with
    /// a channel is counted, the neighbours of a crash or of a hanging handler among it.
    func checkDeaths(
        _ job: JobDecoder.DecodedJob,
        _ topology: TopologyDecoder.Topology,
        _ ledger: CrashLedgerSettings?
    ) {
        for name in job.queues { self.checkDeaths(in: name, topology, ledger) }
    }

    private func checkDeaths(
        in name: Located<String>,
        _ topology: TopologyDecoder.Topology,
        _ ledger: CrashLedgerSettings?
    ) {
        guard let queue = topology.queues.first(where: { $0.name == name.value }), queue.type == .quorum,
            queue.declare == .active
        else { return }
        if queue.deliveryLimit == QueueDefinition.unlimitedDeliveries { return }
        if queue.deadLetter == nil {
            self.log.warning(
                .noDeadLetter,
                name.span,
                "the quorum queue \(quoted(queue.name)) drops a message that comes back "
                    + (queue.deliveryLimit.map { "more than \(Plural.of($0, "time"))" }
                        ?? "too often, which from RabbitMQ 4.0 on is more than 20 times") + ": it has no dead_letter",
                help: "write dead_letter: { routing_key: \(queue.name).dead } under the queue"
            )
        }
        if let limit = queue.deliveryLimit, let ledger, limit < ledger.maxCrashes {
            self.log.warning(
                .deliveryLimit,
                name.span,
                "the delivery_limit of \(limit) of queue \(quoted(queue.name)) is reached before the crash ledger has seen"
                    + " \(ledger.maxCrashes) crashes, for the messages that are prefetched beside the culprit too",
                help: "raise 'delivery_limit' to at least 'max_crashes'"
            )
        }
    }

    /// A stream's consumers have to ack; RabbitMQ ends the connection of one that does not (540).
    func checkStream(_ job: JobDecoder.DecodedJob) {
        guard let definition = job.definition, definition.ack.mode == .none,
            definition.consumerArguments["x-stream-offset"] != nil
        else { return }
        self.log.warning(
            .streamWithoutAcks,
            job.own.ackMode?.span ?? job.nameSpan,
            "job \(quoted(definition.name)) consumes a stream with 'ack: none', which the broker refuses (540)",
            help: "leave 'ack: none' out"
        )
    }

    /// One of both would win, and the other seem to be in force.
    func checkPriority(_ reader: MappingReader) {
        guard reader.node("consumer_priority") != nil,
            case .mapping(let pairs) = reader.node("consumer_arguments")?.content
        else { return }
        for pair in pairs where pair.key == "x-priority" {
            self.log.error(.conflict, pair.keySpan, "'x-priority' is written 'consumer_priority', and that is here too")
        }
    }
}
