import AMQPClient
import Logging
import Synchronization

/// Ticks the schedules of a file: one thread for all of a supervisor.
///
/// What of it may be touched from any thread.
///
/// Why: record 19, the tick is the token.
final class Scheduler: Sendable {
    enum Signal {
        static let connection: UInt32 = 1
        static let end: UInt32 = 2
        /// Something came for one of its channels.
        static let channel: UInt32 = 4
        /// Others rest than before.
        static let pause: UInt32 = 8
        /// It is later than it was, by a test's hand.
        static let time: UInt32 = 16
    }

    let schedules: [ScheduleDefinition]
    let source: ConnectionSource
    let recovery: RecoverySettings
    /// By which schedules tick.
    let clock: JobClock
    let logger: Logger
    let mailbox = Mailbox()
    /// When the next of them ticks, in nanoseconds of the job clock; 0 while one is at it.
    let wake: Atomic<UInt64>
    /// Told when its thread has ended.
    private let ended: @Sendable () -> Void
    private let thread: SideThread
    private let noted = Monitor<[ScheduleStanding]>([])
    private let resting = Monitor<Set<String>>([])

    init(
        _ schedules: [ScheduleDefinition],
        source: ConnectionSource,
        recovery: RecoverySettings,
        clock: JobClock = .system,
        logger: Logger,
        ended: @escaping @Sendable () -> Void
    ) {
        self.schedules = schedules
        self.wake = Atomic(schedules.isEmpty ? .max : 0)
        self.source = source
        self.recovery = recovery
        self.clock = clock
        self.logger = logger
        self.ended = ended
        self.thread = SideThread("schedules", waking: self.mailbox, with: Signal.end)
    }

    var mustEnd: Bool { self.thread.mustEnd }
    /// Whether nobody has to wait for it.
    var isDone: Bool { self.thread.isDone }

    /// How each schedule stands; from any thread.
    var standings: [ScheduleStanding] { self.noted.withLock { $0 } }
    /// By its thread.
    func note(_ standings: [ScheduleStanding]) { self.noted.withLock { $0 = standings } }

    /// The connection that it consumes and publishes on.
    var connection: Connection? { self.source.publishesSeparately ? self.source.publishing : self.source.current }

    func start() throws(ThreadError) {
        guard !self.schedules.isEmpty else { return }
        try self.thread.start(ended: self.ended) { SchedulerThread(self).run() }
    }

    /// The schedules that are not ticked here; from any thread.
    var paused: Set<String> { self.resting.withLock { $0 } }

    /// Has these rest, and all others go on.
    func pause(_ names: Set<String>) {
        self.resting.withLock { $0 = names }
        self.mailbox.signal(Signal.pause)
    }

    func connectionChanged() { self.mailbox.signal(Signal.connection) }

    /// Ends it: another supervisor ticks from here on.
    func end() { self.thread.end() }

    /// Waits for its thread if that has ended, and lets it go if not.
    func letGo() { self.thread.letGo() }
}
