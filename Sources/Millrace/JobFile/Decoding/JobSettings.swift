/// What both a job and `defaults` can say; nil is unsaid.
struct JobSettings {
    var threads: Located<Int>?
    /// Nil is always as many.
    var scaling: ThreadScaling?
    var prefetch: Located<Int>?
    var ackMode: Located<AckPolicy.Mode>?
    var ackBatch: Located<Int>?
    var onFailure: Located<FailureAction>?
    var timeout: Located<Duration>?
    var killTimeout: Located<Duration>?
    var publishMode: Located<PublishPolicy.Mode>?
    var mandatory: Located<Bool>?
    var publishBatch: Located<PublishBatch>?
    var tasksPerThread: Located<Int>?
    var retry: Located<RetryPolicy>?
    var rateLimit: Located<RateLimit>?
    var circuit: Located<CircuitSettings>?
    var missingQueue: Located<MissingQueueAction>?

    /// As many as there may ever be.
    var mostThreads: Int { self.scaling?.max ?? self.threads?.value ?? 1 }

    /// What the job says, and below it what `defaults` says; within `ack` and `publish`, key by key.
    func over(_ defaults: JobSettings) -> JobSettings {
        JobSettings(
            threads: self.threads ?? defaults.threads,
            scaling: self.threads == nil ? defaults.scaling : self.scaling,
            prefetch: self.prefetch ?? defaults.prefetch,
            ackMode: self.ackMode ?? defaults.ackMode,
            ackBatch: self.ackBatch ?? defaults.ackBatch,
            onFailure: self.onFailure ?? defaults.onFailure,
            timeout: self.timeout ?? defaults.timeout,
            killTimeout: self.killTimeout ?? defaults.killTimeout,
            publishMode: self.publishMode ?? defaults.publishMode,
            mandatory: self.mandatory ?? defaults.mandatory,
            publishBatch: self.publishBatch ?? defaults.publishBatch,
            tasksPerThread: self.tasksPerThread ?? defaults.tasksPerThread,
            retry: self.retry ?? defaults.retry,
            rateLimit: self.rateLimit ?? defaults.rateLimit,
            circuit: self.circuit ?? defaults.circuit,
            missingQueue: self.missingQueue ?? defaults.missingQueue
        )
    }
}

extension JobSettings {
    init(_ reader: MappingReader) {
        self.readThreads(reader)
        self.prefetch = reader.int("prefetch", in: 1...65_535)
        self.onFailure = reader.choice("on_failure", FailureAction.self)
        self.tasksPerThread = reader.int("tasks_per_thread", in: 1...1000)
        self.retry = Self.retry(reader)
        self.rateLimit = Self.rateLimit(reader)
        self.circuit = Self.circuit(reader)
        self.missingQueue = reader.choice("missing_queue", MissingQueueAction.self)
        self.timeout = reader.duration("timeout", in: .milliseconds(1) ... .seconds(86_400))
        self.killTimeout = reader.duration("kill_timeout", in: .milliseconds(1) ... .seconds(86_400))
        self.readAck(reader)
        self.readPublish(reader)
    }

    /// `threads: 4`, or `threads: {min: 2, max: 16}`.
    private mutating func readThreads(_ reader: MappingReader) {
        guard let node = reader.node("threads") else { return }
        guard case .mapping = node.content else {
            self.threads = reader.int("threads", in: ThreadsWish.limits)
            return
        }
        guard let range = reader.mapping("threads", .threads) else { return }
        let least = range.int("min", in: ThreadsWish.limits)
        let day = Duration.seconds(86_400)
        let wait = range.duration("target_wait", in: .seconds(1)...day)?.value
        let utilization = range.double("utilization", in: 0.1...1)?.value
        let shrinkAfter = range.duration("shrink_after", in: .seconds(1)...day)?.value
        guard let most = range.int("max", in: ThreadsWish.limits) else { return }
        if let least, least.value > most.value {
            let numbers = "\(reader.log.shown(least)) and \(reader.log.shown(most))"
            reader.log.error(.conflict, least.span, "'min' is more than 'max': \(numbers)")
            return
        }
        var scaling = ThreadScaling(min: least?.value ?? 1, max: most.value)
        scaling.targetWait = wait ?? scaling.targetWait
        scaling.utilization = utilization ?? scaling.utilization
        scaling.shrinkAfter = shrinkAfter ?? scaling.shrinkAfter
        self.scaling = scaling
        self.threads = Located(scaling.min, node.span)
    }

    private static func retry(_ job: MappingReader) -> Located<RetryPolicy>? {
        guard let node = job.node("retry"), let reader = job.mapping("retry", .retry) else { return nil }
        var policy = RetryPolicy()
        (policy.initialInterval, policy.maxInterval) = reader.intervals(
            initial: policy.initialInterval,
            longest: policy.maxInterval,
            limit: (.seconds(86_400), .seconds(86_400))
        )
        policy.maxAttempts = reader.int("max_attempts", in: 1...1000)?.value ?? policy.maxAttempts
        policy.multiplier = reader.double("multiplier", in: 1...100)?.value ?? policy.multiplier
        policy.jitter = reader.double("jitter", in: 0...1)?.value ?? policy.jitter
        return Located(policy, node.span)
    }

    private static func rateLimit(_ job: MappingReader) -> Located<RateLimit>? {
        guard let node = job.node("rate_limit"), let reader = job.mapping("rate_limit", .rateLimit),
            let allowed = reader.int("allowed", in: 1...1_000_000_000),
            let interval = reader.duration("interval", in: .milliseconds(1) ... .seconds(86_400))
        else { return nil }
        return Located(RateLimit(allowed: allowed.value, interval: interval.value), node.span)
    }

    private static func circuit(_ job: MappingReader) -> Located<CircuitSettings>? {
        let day = Duration.seconds(86_400)
        guard let node = job.node("circuit"), let reader = job.mapping("circuit", .circuit),
            let failures = reader.int("failures", in: 1...1000),
            let within = reader.duration("within", in: .milliseconds(1)...day),
            let pause = reader.duration("pause", in: .milliseconds(100)...day)
        else { return nil }
        return Located(
            CircuitSettings(failures: failures.value, within: within.value, pause: pause.value),
            node.span
        )
    }

    /// `ack: auto`, or `ack: {mode: auto, batch: 64}`.
    private mutating func readAck(_ reader: MappingReader) {
        guard let node = reader.node("ack") else { return }
        guard case .mapping = node.content else {
            self.ackMode = reader.choice("ack", AckPolicy.Mode.self)
            return
        }
        guard let ack = reader.mapping("ack", .ack) else { return }
        self.ackMode = ack.choice("mode", AckPolicy.Mode.self)
        self.ackBatch = ack.int("batch", in: 1...65_535)
    }

    private mutating func readPublish(_ reader: MappingReader) {
        guard let publish = reader.mapping("publish", .publish) else { return }
        self.publishMode = publish.choice("mode", PublishPolicy.Mode.self)
        self.mandatory = publish.bool("mandatory")
        guard let node = publish.node("batch"), let batch = publish.mapping("batch", .publishBatch),
            let size = batch.int("size", in: 1...10_000)
        else { return }
        let timeout = batch.duration("timeout", in: .zero ... .seconds(60))?.value ?? .zero
        self.publishBatch = Located(PublishBatch(size: size.value, timeout: timeout), node.span)
    }
}
