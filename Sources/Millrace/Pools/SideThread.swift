import AMQPClient
import Synchronization

/// The life of a thread that does one thing for a whole supervisor: it begins once, is told to end, and is joined or let go.
///
/// What it does looks at ``mustEnd`` between two steps, and sleeps in its mailbox. From any thread.
final class SideThread: Sendable {
    private let name: String
    private let mailbox: Mailbox
    private let signal: UInt32
    private let isEnding = Atomic<Bool>(false)
    private let hasReturned = Atomic<Bool>(false)
    private let thread = Monitor<WorkerThread?>(nil)

    /// - Parameters:
    ///   - name: The thread's.
    ///   - mailbox: Where it sleeps.
    ///   - signal: What it finds there when it is to end.
    init(_ name: String, waking mailbox: Mailbox, with signal: UInt32) {
        self.name = name
        self.mailbox = mailbox
        self.signal = signal
    }

    var mustEnd: Bool { self.isEnding.load(ordering: .relaxed) }
    var isStarted: Bool { self.thread.withLock { $0 != nil } }
    /// Whether nobody has to wait for it.
    var isDone: Bool { self.hasReturned.load(ordering: .acquiring) || !self.isStarted }

    /// Begins it, unless it has begun, or is to end.
    ///
    /// One thread at a time calls this.
    ///
    /// - Parameters:
    ///   - ended: Called when it has ended, on it.
    ///   - body: What it does.
    /// - Throws: If the system has no thread left.
    func start(ended: @escaping @Sendable () -> Void = {}, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        guard !self.isStarted, !self.mustEnd else { return }
        let thread = try WorkerThread.start(name: self.name) {
            body()
            self.hasReturned.store(true, ordering: .releasing)
            ended()
        }
        self.thread.withLock { $0 = thread }
    }

    func end() {
        self.isEnding.store(true, ordering: .relaxed)
        self.mailbox.signal(self.signal)
    }

    /// Waits for the thread if it has ended, and lets it go if not.
    func letGo() {
        let thread = self.thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if self.hasReturned.load(ordering: .acquiring) { thread?.join() } else { thread?.detach() }
    }
}
