import AMQPClient
import CMillraceABI
import Logging
import Synchronization

/// What of a worker may be touched from any thread: its mailbox, its signals, when its handler began.
///
/// Its address is the `millrace_worker` that plugins see; the pool keeps it alive until the thread has ended.
final class WorkerHandle: Sendable {
    /// Bits of ``Mailbox/signal(_:)``, and of `signals` for a look without a lock between two messages.
    enum Signal {
        /// Give back what is not begun, finish what is, end.
        static let drain: UInt32 = 1
        /// Ask handlers in flight to end early.
        static let cancel: UInt32 = 2
        /// The supervisor has a new connection, or none.
        static let connection: UInt32 = 4
        /// Give the channel up that does not come to consume, and open another one.
        static let restart: UInt32 = 8
        /// Something came for the channel that outputs go out on.
        static let outlet: UInt32 = 16
        /// Something came for the channel that copies go out on.
        static let parking: UInt32 = 32
    }

    let job: JobDefinition
    let index: Int
    let mailbox = Mailbox()
    let counters: JobCounters
    let received: ReceivedCount
    /// What it had begun when its channel was opened.
    let receivedBefore = Atomic<Int>(0)
    let logger: Logger
    let jobName: [UInt8]
    let signals = Atomic<UInt32>(0)
    /// When the oldest delivery in hand was begun, in nanoseconds of the monotonic clock; 0 when idle.
    let beganAt = Atomic<UInt64>(0)
    /// Which one that is.
    let oldest = OverrunMark()
    /// Deliveries in hand or waiting for confirms.
    let inHand = Atomic<Int>(0)
    /// Those of them that no handler has begun, as its thread saw it last.
    let unbegun = Atomic<Int>(0)
    /// For jobs with a `kill_timeout`.
    let killSwitch: KillSwitch?
    /// The job's.
    let hung: HungMessages
    /// The job's.
    let optionNotes: OptionNotes
    let hands = HandWatch()
    /// The job's.
    let hold: JobHold
    /// Which hold of the job it was started after.
    let epoch: Int
    /// Whether it takes the first messages after the job was held, one at a time.
    let isOnTrial: Bool
    /// Whether the broker left a request of its drain without an answer, so that nobody knows what it has read.
    let isUnanswered = Atomic<Bool>(false)
    private let currentState = Monitor<(state: WorkerState, watch: ChannelWatch?, absent: [String: String])>(
        (.waiting, nil, [:])
    )
    private let jobStopped: @Sendable (String) -> Void
    /// Told after each change of where it stands.
    private let changed: @Sendable () -> Void

    init(
        job: JobDefinition,
        index: Int,
        counters: JobCounters,
        logger: Logger,
        hung: HungMessages,
        optionNotes: OptionNotes,
        killSwitch: KillSwitch? = nil,
        hold: JobHold = JobHold(),
        epoch: Int = 0,
        isOnTrial: Bool = false,
        jobStopped: @escaping @Sendable (String) -> Void,
        changed: @escaping @Sendable () -> Void = {}
    ) {
        self.changed = changed
        self.job = job
        self.index = index
        self.counters = counters
        self.received = counters.makeReceived()
        self.hung = hung
        self.optionNotes = optionNotes
        self.killSwitch = killSwitch
        self.hold = hold
        self.epoch = epoch
        self.isOnTrial = isOnTrial
        self.jobStopped = jobStopped
        var logger = logger
        logger[metadataKey: "job"] = "\(job.name)"
        logger[metadataKey: "worker"] = .number(index)
        self.logger = logger
        self.jobName = Array(job.name.utf8)
    }

    deinit { self.counters.retire(self.received) }

    /// Where the worker stands: also while it is inside a handler, and does not see yet that its channel has ended.
    var state: WorkerState {
        let (state, watch, _) = self.currentState.withLock { $0 }
        guard let watch, state == .consuming, !self.isDraining, watch.hasLostConsumer else { return state }
        return .restarting("its channel or its consumer has ended; another one is opened when the handler returns")
    }

    /// Whether its broker has taken deliveries back that were not settled in time.
    var hasTimedOut: Bool { self.currentState.withLock { $0.watch }?.hasTimedOut ?? false }

    func enter(_ state: WorkerState) {
        self.currentState.withLock { $0 = (state, nil, [:]) }
        self.changed()
    }

    /// It consumes, but for these queues of several, for these reasons.
    func enterConsuming(_ watch: ChannelWatch, without absent: [String: String] = [:]) {
        self.currentState.withLock { $0 = (.consuming, watch, absent) }
        self.changed()
    }

    /// These queues of several it does not consume from now on.
    func noteAbsent(_ absent: [String: String]) {
        self.currentState.withLock { $0.absent = absent }
        self.changed()
    }

    /// Queues of several that it does not consume, though it does others, and why.
    var absentQueues: [String: String] { self.currentState.withLock { $0.state == .consuming ? $0.absent : [:] } }

    /// Whether it consumes this one of its job's queues.
    func consumes(_ queue: String) -> Bool {
        self.state == .consuming && self.job.queues.contains(queue) && self.absentQueues[queue] == nil
    }

    /// The connection has ended, which a worker inside a long handler does not see yet.
    func connectionEnded() {
        self.currentState.withLock { current in
            if current.state == .consuming { current = (.waiting, nil, [:]) }
        }
    }

    /// A handler's outcome `stop`: every worker of the job drains.
    ///
    /// This one at once: it must not begin the message again that it puts back.
    func requestStopOfJob(_ reason: String) {
        self.jobStopped(reason)
        self.signal(Signal.drain)
    }

    func signal(_ bit: UInt32) {
        self.signals.bitwiseOr(bit, ordering: .relaxed)
        self.mailbox.signal(bit)
    }

    /// Whether a restart was asked for since the last look; the channel that is opened next does not hear of it.
    func takeRestart() -> Bool {
        self.mailbox.clear(Signal.restart)
        return self.signals.bitwiseAnd(~Signal.restart, ordering: .relaxed).oldValue & Signal.restart != 0
    }

    var hasNoAnswer: Bool { self.isUnanswered.load(ordering: .acquiring) }
    var isDraining: Bool { self.signals.load(ordering: .relaxed) & Signal.drain != 0 }
    var isCancelled: Bool { self.signals.load(ordering: .relaxed) & Signal.cancel != 0 }

    /// The `millrace_worker` of the ABI.
    var pointer: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    static func of(_ pointer: OpaquePointer) -> WorkerHandle {
        Unmanaged<WorkerHandle>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }
}

/// Where a worker stands, for status and for the supervisor.
enum WorkerState: Equatable, Sendable {
    /// Its handler is being made: the plugin's code runs.
    case making
    /// No connection at the moment.
    case waiting
    /// Its channel is being opened, up to the broker's consume-ok.
    case opening
    /// Its consumer runs.
    case consuming
    /// Its channel ended; it opens another one after a pause.
    case restarting(String)
    /// It has given up.
    case failed(String)
    /// It has drained, and its handler is being let go: the plugin's code runs.
    case dropping
    /// It has drained and ended.
    case ended

    /// Whether its worker does nothing more.
    var isOver: Bool {
        switch self {
        case .ended, .failed: true
        case .making, .waiting, .opening, .consuming, .restarting, .dropping: false
        }
    }
}
