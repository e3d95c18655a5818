/// Reads `defaults` and `jobs`.
struct JobDecoder {
    /// A job as it was read, with the places the cross checks point at.
    struct DecodedJob {
        let nameSpan: SourceSpan
        let own: JobSettings
        let settings: JobSettings  // with `defaults` below
        let queue: Located<String>?
        /// Nil after a diagnostic.
        let definition: JobDefinition?
    }

    let log: DiagnosticLog

    func decode(_ root: MappingReader) -> (jobs: [DecodedJob], defaults: JobSettings) {
        let defaults = root.mapping("defaults", .defaults).map { JobSettings($0) } ?? JobSettings()
        guard let pair = root.pair("jobs"),
            let pairs = MappingReader.pairs(of: pair.value, subject: "'jobs'", log: self.log)
        else { return ([], defaults) }
        if pairs.isEmpty {
            self.log.error(.noJobs, pair.keySpan, "'jobs' is empty", help: "it takes at least one")
        }
        let jobs = pairs.compactMap { pair in
            isName(pair.key, at: pair.keySpan, what: "a name in 'jobs'", log: self.log)
                ? self.decode(pair, defaults) : nil
        }
        return (jobs, defaults)
    }

    private func decode(_ pair: YAMLPair, _ defaults: JobSettings) -> DecodedJob? {
        let subject = "job \(quoted(pair.key))"
        guard let reader = MappingReader(pair.value, .job, subject: subject, span: pair.keySpan, log: self.log)
        else { return nil }
        let own = JobSettings(reader)
        let settings = own.over(defaults)
        let queue = reader.name("queue")
        let handler = self.handler(reader)
        let options = ValueTreeDecoder(log: self.log).options(reader)
        let exclusive = reader.bool("exclusive")
        if let exclusive, exclusive.value, let threads = settings.threads, threads.value > 1 {
            self.log.error(
                .conflict,
                exclusive.span,
                "'exclusive' lets one consumer in, and the job has \(self.log.shown(threads)) threads, each with its own",
                help: "write threads: 1; or single_active_consumer on the queue, and the others stand by"
            )
        }
        let priority = reader.int("consumer_priority", in: -1_000_000...1_000_000)
        let consumerArguments = ValueTreeDecoder(log: self.log).arguments(reader, key: "consumer_arguments")
        CrossChecks(log: self.log).checkPriority(reader)
        let batch = HandlerBatchDecoder(log: self.log).decode(reader, settings)
        var definition: JobDefinition?
        if let queue, let handler {
            definition = JobDefinition(
                name: pair.key,
                queue: queue.value,
                handler: handler,
                threads: settings.threads?.value ?? 1,
                prefetch: settings.prefetch?.value ?? 20,
                ack: AckPolicy(mode: settings.ackMode?.value ?? .auto, batch: settings.ackBatch?.value ?? 1),
                onFailure: settings.onFailure?.value ?? .retry,
                retry: settings.retry?.value ?? RetryPolicy(),
                tasksPerThread: settings.tasksPerThread?.value ?? 1,
                batch: batch,
                rateLimit: settings.rateLimit?.value,
                timeout: settings.timeout?.value,
                // A default that other jobs need: without acks there is nothing to give back.
                killTimeout: settings.ackMode?.value == AckPolicy.Mode.none ? nil : settings.killTimeout?.value,
                exclusive: exclusive?.value ?? false,
                consumerPriority: priority?.value ?? 0,
                consumerArguments: consumerArguments,
                missingQueue: settings.missingQueue?.value ?? .fail,
                publish: PublishPolicy(
                    mode: settings.publishMode?.value ?? .confirm,
                    mandatory: settings.mandatory?.value ?? true,
                    batch: settings.publishBatch?.value
                ),
                with: options,
                location: self.log.source.location(of: pair.keySpan)
            )
        }
        definition?.withheld = Withheld(reader.node("with").map { self.log.confidences.withheld(in: $0) } ?? [])
        return DecodedJob(
            nameSpan: pair.keySpan,
            own: own,
            settings: settings,
            queue: queue,
            definition: definition
        )
    }

    private func handler(_ reader: MappingReader) -> HandlerName? {
        guard let text = reader.name("handler") else { return nil }
        let parts = text.value.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let isBlank = text.value.contains(where: \.isWhitespace)
        if parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, !isBlank {
            return HandlerName(plugin: String(parts[0]), handler: String(parts[1]))
        }
        self.log.error(
            .badHandler,
            text.span,
            "\(self.log.quoted(text.value, at: text.span)) does not name a plugin and a handler",
            help: "write plugin.handler, as in examples.thumbnail"
        )
        return nil
    }
}
