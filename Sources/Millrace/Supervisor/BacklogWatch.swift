import AMQPClient
import AMQPWire
import Logging

/// Asks the broker how many messages are ready in queues, and how many consume them: some often, the others now and then.
///
/// One thread, with a channel of its own, so that a broker that does not answer holds nobody else up.
final class BacklogWatch: Sendable {
    struct Count: Equatable, Sendable {
        let messages: Int
        let consumers: Int
    }
    private struct State {
        var often: Set<String> = []
        var seldom: Set<String> = []
    }

    private static let changed: UInt32 = 1
    private let state = Monitor(State())
    private let mailbox = Mailbox()
    private let thread: SideThread
    private let source: ConnectionSource
    private let logger: Logger
    /// Between two looks at those that are looked at often.
    private let interval: Duration
    /// Between two looks at the others; nil never.
    private let longInterval: Duration?
    /// Told what was seen; on its thread.
    private let seen: @Sendable ([String: Count]) -> Void

    init(
        _ source: ConnectionSource,
        every interval: Duration,
        others longInterval: Duration?,
        logger: Logger,
        seen: @escaping @Sendable ([String: Count]) -> Void
    ) {
        self.source = source
        self.interval = interval
        self.longInterval = longInterval
        self.logger = logger
        self.seen = seen
        self.thread = SideThread("backlog", waking: self.mailbox, with: Self.changed)
    }

    /// Looks at these from now on; its thread begins with the first, and sleeps while there is none.
    func watch(often: Set<String>, others: Set<String>) {
        let others = self.longInterval == nil ? [] : others
        let hasChanged = self.state.withLock { state in
            defer { (state.often, state.seldom) = (often, others) }
            return state.often != often || state.seldom != others
        }
        guard !self.thread.isStarted else {
            if hasChanged { self.mailbox.signal(Self.changed) }
            return
        }
        guard !(often.isEmpty && others.isEmpty) else { return }
        do throws(ThreadError) {
            try self.thread.start { self.run() }
        } catch {
            self.logger.warning("nobody looks at the queues", metadata: ["reason": "\(error)"])
        }
    }

    /// Ends it; who waits for an answer is not waited for.
    func end() {
        self.thread.end()
        self.thread.letGo()
    }

    private func run() {
        var inbox = Inbox()
        var channel: Channel?
        var last: (often: UInt64, seldom: UInt64) = (MonotonicClock.now(), MonotonicClock.now())
        while !self.thread.mustEnd {
            let (often, seldom) = self.state.withLock { ($0.often, $0.seldom) }
            let due = (
                often: last.often &+ self.interval.nanoseconds,
                seldom: last.seldom &+ (self.longInterval ?? .zero).nanoseconds
            )
            let now = MonotonicClock.now()
            var queues: Set<String> = []
            if !often.isEmpty, now >= due.often { queues = often }
            if !seldom.isEmpty, now >= due.seldom { queues.formUnion(seldom) }
            guard !queues.isEmpty else {
                let wakes = [often.isEmpty ? nil : due.often, seldom.isEmpty ? nil : due.seldom]
                _ = self.mailbox.take(into: &inbox, until: wakes.compactMap(\.self).min())
                inbox.signals = 0
                inbox.events.removeAll()
                inbox.batches.removeAll()
                continue
            }
            do throws(AMQPError) {
                let counts = try self.look(at: queues, &channel)
                if !counts.isEmpty { self.seen(counts) }
            } catch {
                self.logger.debug("could not look at the queues", metadata: ["reason": "\(error)"])
                channel = nil
            }
            if now >= due.often { last.often = MonotonicClock.now() }
            if now >= due.seldom { last.seldom = MonotonicClock.now() }
        }
        channel?.close()
    }

    private func look(at queues: Set<String>, _ channel: inout Channel?) throws(AMQPError) -> [String: Count] {
        guard let connection = self.source.current, !connection.isBlocked else { return [:] }
        var counts: [String: Count] = [:]
        for queue in queues.sorted() {
            guard !self.thread.mustEnd else { return [:] }
            let open = try self.open(connection, &channel)
            do throws(AMQPError) {
                let answer = try open.declareQueue(queue, passive: true)
                counts[queue] = Count(messages: answer.messageCount, consumers: answer.consumerCount)
            } catch {
                // One that is not there, is another's or does not answer costs the others nothing.
                guard error.scope != .connection else { throw error }
                self.logger.debug("could not look at a queue", metadata: ["queue": "\(queue)", "reason": "\(error)"])
                _ = open.startClose()
                channel = nil
            }
        }
        return counts
    }

    private func open(_ connection: Connection, _ channel: inout Channel?) throws(AMQPError) -> Channel {
        if let channel, channel.isOpen { return channel }
        let fresh = try connection.openChannel(
            mailbox: self.mailbox,
            outwaitsBlocks: false,
            interrupts: Self.changed
        )
        fresh.requestTimeout = .seconds(5)
        channel = fresh
        return fresh
    }
}
