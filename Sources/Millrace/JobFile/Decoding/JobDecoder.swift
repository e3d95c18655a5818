/// Reads `defaults` and `jobs`.
struct JobDecoder {
    /// A job as it was read, with the places the cross checks point at.
    struct DecodedJob {
        let nameSpan: SourceSpan
        let own: JobSettings
        let settings: JobSettings  // with `defaults` below
        let queues: [Located<String>]
        let handlerSpan: SourceSpan
        let with: YAMLNode?
        /// Where its program is named, if its handler is one.
        let programSpan: SourceSpan?
        /// Nil after a diagnostic.
        let definition: JobDefinition?
    }

    let log: DiagnosticLog
    /// The variables that `connection` is made of: programs do not inherit them.
    var connectionVariables: [String] = []

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
        var own = JobSettings(reader)
        let queues = JobQueuesDecoder(log: self.log).decode(reader)
        let isProgram = ExecDecoder.isProgram(reader)
        let programs = ExecDecoder(log: self.log, withheld: self.connectionVariables)
        let program = isProgram ? self.program(reader, programs, queues.map(\.value), &own) : nil
        let settings = own.over(defaults)
        if let program { programs.check(program, settings) }
        let handler = isProgram ? program.map { _ in ExecDecoder.name } : self.handler(reader)
        let options = program?.options ?? ValueTreeDecoder(log: self.log).options(reader)
        let exclusive = reader.bool("exclusive")
        let most = settings.mostThreads
        if let exclusive, exclusive.value, let threads = settings.threads, most > 1 {
            let number = settings.scaling == nil ? self.log.shown(threads) : "up to \(most)"
            self.log.error(
                .conflict,
                exclusive.span,
                "'exclusive' lets one consumer in, and the job has \(number) threads, each with its own",
                help: "write threads: 1; or single_active_consumer on the queue, and the others stand by"
            )
        }
        let priority = reader.int("consumer_priority", in: -1_000_000...1_000_000)
        let consumerArguments = ValueTreeDecoder(log: self.log).arguments(reader, key: "consumer_arguments")
        CrossChecks(log: self.log).checkPriority(reader)
        let isPaused = reader.bool("paused")?.value ?? false
        let batch = HandlerBatchDecoder(log: self.log).decode(reader, settings)
        var definition: JobDefinition?
        if let queue = queues.first, let handler {
            definition = JobDefinition(
                name: pair.key,
                queue: queue.value,
                handler: handler,
                threads: settings.threads?.value ?? 1,
                scaling: settings.scaling,
                isPaused: isPaused,
                prefetch: settings.prefetch?.value ?? 20,
                ack: AckPolicy(mode: settings.ackMode?.value ?? .auto, batch: settings.ackBatch?.value ?? 1),
                onFailure: settings.onFailure?.value ?? .retry,
                retry: settings.retry?.value ?? RetryPolicy(),
                tasksPerThread: settings.tasksPerThread?.value ?? 1,
                batch: batch,
                rateLimit: settings.rateLimit?.value,
                circuit: settings.circuit?.value,
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
                furtherQueues: queues.dropFirst().map(\.value),
                location: self.log.source.location(of: pair.keySpan)
            )
        }
        definition?.withheld = Withheld(
            reader.node(isProgram ? "handler" : "with").map { self.log.confidences.withheld(in: $0) } ?? []
        )
        return DecodedJob(
            nameSpan: pair.keySpan,
            own: own,
            settings: settings,
            queues: queues,
            handlerSpan: reader.node("handler")?.span ?? pair.keySpan,
            with: isProgram ? nil : reader.node("with"),
            programSpan: program?.span,
            definition: definition
        )
    }

    /// A program, and its `timeout`, which is the job's.
    private func program(
        _ reader: MappingReader,
        _ programs: ExecDecoder,
        _ queues: [String],
        _ settings: inout JobSettings
    ) -> ExecDecoder.Program? {
        let program = programs.decode(reader, queue: queues.count == 1 ? queues[0] : nil)
        guard let timeout = program?.timeout else { return program }
        if settings.timeout != nil {
            self.log.error(
                .conflict,
                timeout.span,
                "'timeout' is here twice: beside 'exec' it is the job's timeout",
                help: "leave one of them out"
            )
        }
        settings.timeout = timeout
        return program
    }

    private func handler(_ reader: MappingReader) -> HandlerName? {
        guard let text = reader.name("handler") else { return nil }
        if text.value == ExecDecoder.name.description {
            let help = "write { exec: [./program, argument] }"
            self.log.error(.badHandler, text.span, "a program is named by 'exec', not by its handler", help: help)
            return nil
        }
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
