/// One entry of `jobs`: a queue, a handler, a pool of threads, and its policies; `defaults` are merged in.
public struct JobDefinition: Sendable, Equatable {
    /// The job's name, 1…255 bytes; what logs, metrics and commands call it.
    public var name: String
    /// The queue it consumes, the first of several, 1…255 bytes; if the file's `queues` does not have it, it must exist on
    /// the broker.
    public var queue: String
    /// The others that its threads consume beside it, each by a consumer of its own; none unless given.
    public var furtherQueues: [String]
    /// The handler that gets the messages.
    public var handler: HandlerName
    /// How many workers, each a thread with one channel; 1 unless given, 1…512; of a range the least.
    public var threads: Int
    /// How many there may be, and when, if the backlog decides; `nil` is always as many as `threads`.
    public var scaling: ThreadScaling?
    /// Whether it rests from the start, until somebody resumes it; false unless given.
    public var isPaused: Bool
    /// How many unsettled deliveries each worker may hold (`basic.qos`, per channel); 20 unless given, 1…65,535.
    public var prefetch: Int
    /// When messages are acked.
    public var ack: AckPolicy
    /// What becomes of a message whose handler threw; retry unless given.
    public var onFailure: FailureAction
    /// How often a failed message is tried again, and after which waits.
    public var retry: RetryPolicy
    /// How many deliveries an async handler may have in flight on one thread; 1 unless given, 1…1,000.
    public var tasksPerThread: Int
    /// How many deliveries a batch handler gets at once; `nil` is ``HandlerBatch/unlessGiven(prefetch:)``.
    public var batch: HandlerBatch?
    /// How many deliveries may be begun in a time; `nil` is no limit.
    public var rateLimit: RateLimit?
    /// After how many failures it takes no more messages for a while; `nil` is never.
    public var circuit: CircuitSettings?
    /// How long a handler may take before it is asked to end early and the overrun is logged, 1 ms…24 h; `nil` is no
    /// limit.
    public var timeout: Duration?
    /// How long a handler may take before its worker and channel are replaced and the broker gives the message out again,
    /// 1 ms…24 h, more than `timeout`; `nil` is never.
    public var killTimeout: Duration?
    /// Whether nobody else may consume the queue; needs one thread; false unless given.
    public var exclusive: Bool
    /// Who is served first among a queue's consumers (`x-priority`), the higher; 0 unless given.
    public var consumerPriority: Int
    /// Further arguments of `basic.consume`.
    public var consumerArguments: [String: ArgumentValue]
    /// Fail unless given.
    public var missingQueue: MissingQueueAction
    /// How the handler's outputs travel.
    public var publish: PublishPolicy
    /// The handler's own options.
    public var with: [String: OptionValue]
    /// What of ``with`` a log does not repeat.
    package var withheld = Withheld()
    /// Where the entry stands.
    public var location: SourceLocation

    /// Makes a definition in code; nothing is checked.
    public init(
        name: String,
        queue: String,
        handler: HandlerName,
        threads: Int = 1,
        scaling: ThreadScaling? = nil,
        isPaused: Bool = false,
        prefetch: Int = 20,
        ack: AckPolicy = AckPolicy(),
        onFailure: FailureAction = .retry,
        retry: RetryPolicy = RetryPolicy(),
        tasksPerThread: Int = 1,
        batch: HandlerBatch? = nil,
        rateLimit: RateLimit? = nil,
        circuit: CircuitSettings? = nil,
        timeout: Duration? = nil,
        killTimeout: Duration? = nil,
        exclusive: Bool = false,
        consumerPriority: Int = 0,
        consumerArguments: [String: ArgumentValue] = [:],
        missingQueue: MissingQueueAction = .fail,
        publish: PublishPolicy = PublishPolicy(),
        with: [String: OptionValue] = [:],
        furtherQueues: [String] = [],
        location: SourceLocation
    ) {
        self.name = name
        self.queue = queue
        self.furtherQueues = furtherQueues
        self.handler = handler
        self.threads = threads
        self.scaling = scaling
        self.isPaused = isPaused
        self.prefetch = prefetch
        self.ack = ack
        self.onFailure = onFailure
        self.retry = retry
        self.tasksPerThread = tasksPerThread
        self.batch = batch
        self.rateLimit = rateLimit
        self.circuit = circuit
        self.timeout = timeout
        self.killTimeout = killTimeout
        self.exclusive = exclusive
        self.consumerPriority = consumerPriority
        self.consumerArguments = consumerArguments
        self.missingQueue = missingQueue
        self.publish = publish
        self.with = with
        self.location = location
    }
}

extension JobDefinition {
    /// All that it consumes, in the order of the file.
    public var queues: [String] { [self.queue] + self.furtherQueues }

    /// For people, and for labels: the names with commas between them.
    package var queueNames: String { self.queues.joined(separator: ",") }

    /// How a handler that takes batches gets them.
    package var batchOptions: HandlerBatch { self.batch ?? .unlessGiven(prefetch: self.prefetch) }

    /// Threads of a job that hang at once before it has failed.
    package static func abandonLimit(threads: Int) -> Int { max(8, threads) }
}
