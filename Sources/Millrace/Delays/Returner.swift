import AMQPClient
import AMQPWire
import Logging
import Synchronization

/// Brings copies back whose wait is over: one thread for all jobs of a supervisor.
///
/// What of it may be touched from any thread.
///
/// Why: record 10, waiting copies.
final class Returner: Sendable {
    enum Signal {
        static let connection: UInt32 = 1
        static let end: UInt32 = 2
        /// Something came for the channel that copies go out on.
        static let outlet: UInt32 = 4
        /// Something came about a delay queue that it asked for.
        static let declared: UInt32 = 8
        /// It is later than it was, by a test's hand.
        static let time: UInt32 = 16
    }

    let queues: [DelayQueue]
    /// Told of each delay queue that is there and consumed.
    let known: ParkingQueues
    let settings: DelaySettings
    /// By which copies wait.
    let clock: JobClock
    let source: ConnectionSource
    let logger: Logger
    let recovery: RecoverySettings
    let mailbox = Mailbox()
    /// Copies in hand.
    let inHand = Atomic<Int>(0)
    /// When the next of them goes on, in nanoseconds of the job clock; 0 while one is on its way.
    ///
    /// Told before their number.
    let wake = Atomic<UInt64>(.max)
    /// Copies that have gone home since the start.
    let returned = Atomic<Int>(0)
    /// Delay queues that it consumes.
    let attended = Atomic<Int>(0)
    /// Told when its thread has ended.
    private let ended: @Sendable () -> Void
    private let thread: SideThread

    init(
        _ queues: [DelayQueue],
        known: ParkingQueues,
        settings: DelaySettings,
        clock: JobClock = .system,
        source: ConnectionSource,
        recovery: RecoverySettings,
        logger: Logger,
        ended: @escaping @Sendable () -> Void
    ) {
        self.ended = ended
        self.queues = queues
        self.known = known
        self.settings = settings
        self.clock = clock
        self.source = source
        self.recovery = recovery
        self.logger = logger
        self.thread = SideThread("returns", waking: self.mailbox, with: Signal.end)
    }

    var mustEnd: Bool { self.thread.mustEnd }
    /// Whether it has nothing in hand, and nothing lies in its mailbox.
    var isIdle: Bool { self.inHand.load(ordering: .acquiring) == 0 && self.mailbox.isIdle }
    /// Whether nobody has to wait for it.
    var isDone: Bool { self.thread.isDone }
    /// Whether it has a consumer on every delay queue.
    var attendsAll: Bool {
        self.attended.load(ordering: .acquiring) == self.queues.count * self.settings.ladder.stages.count
    }

    func start() throws(ThreadError) { try self.thread.start(ended: self.ended) { ReturnerThread(self).run() } }

    func connectionChanged() { self.mailbox.signal(Signal.connection) }

    /// Ends it; what it has in hand goes back to its delay queue.
    func end() { self.thread.end() }

    /// Waits for its thread if that has ended, and lets it go if not.
    func letGo() { self.thread.letGo() }
}
