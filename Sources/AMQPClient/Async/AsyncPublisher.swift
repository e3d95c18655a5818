public import AMQPCore
import AMQPWire
import Synchronization

/// Publishes for tasks: a call suspends until the broker has confirmed its message, and no thread waits with it.
///
/// Any number of tasks share one channel, on a thread of the publisher's own. What is on its way when the connection ends is
/// published again on the next one, under the same identifier, unless ``PublisherOptions/republishes`` says otherwise: no
/// confirmed message is lost, and a message is in its queue at most as often as its ``PublishReceipt`` says.
///
///     let publisher = AsyncPublisher(on: connection)
///     try publisher.start()
///     let receipt = try await publisher.publish(OutgoingMessage(octets, routingKey: "orders", mandatory: true))
///
/// Thread-safe. It lives until ``stop(within:)``. Give it a connection that nothing consumes on: while a broker has an alarm it
/// reads nothing from connections that publish, acks included.
public final class AsyncPublisher: Sendable {
    typealias Waiter = CheckedContinuation<Result<PublishReceipt, PublishFailure>, Never>
    enum Phase {
        case idle, running
        /// Until this time answers are waited for.
        case stopping(UInt64)
        case ended(AMQPError)
    }
    struct State {
        var pending: PendingPublishes<Waiter>
        var phase = Phase.idle
        var whenEnded: [CheckedContinuation<Void, Never>] = []
    }
    enum Signal {
        /// There is something to do: a message, a caller that left, a connection, the end.
        static let work: UInt32 = 1
    }

    /// Says on a message that it was published before, on a connection that ended without an answer: an integer, how often.
    ///
    /// Whoever gets such a message may have got it already, with the same `message-id`.
    public static let republishedHeader = "republished"

    let connection: RecoveringConnection
    let options: PublisherOptions
    let mailbox = Mailbox()
    let monitor: Monitor<State>
    private let tokens = Atomic<UInt64>(0)

    /// Prepares a publisher; nothing is started, and calls wait until it is.
    ///
    /// - Parameters:
    ///   - connection: Started or not; it is not stopped with the publisher.
    ///   - options: Its limits.
    public init(on connection: RecoveringConnection, options: PublisherOptions = PublisherOptions()) {
        self.connection = connection
        self.options = options
        self.monitor = Monitor(State(pending: PendingPublishes(options)))
    }

    /// Starts its thread; waits for nothing.
    ///
    /// - Throws: `.refusedLocally` at a second call, and after ``stop(within:)``; `.invalidSettings` if there is no thread to be
    ///   had.
    public func start() throws(AMQPError) {
        try self.monitor.withLock { state throws(AMQPError) in
            guard case .idle = state.phase else {
                throw AMQPError(.refusedLocally, scope: .call, text: "started already")
            }
            state.phase = .running
        }
        do throws(ThreadError) {
            try WorkerThread.start(name: "amqp-publish") { PublisherThread(self).run() }.detach()
        } catch {
            let failure = AMQPError(.invalidSettings, scope: .call, text: "\(error)")
            self.end(failure)
            throw failure
        }
    }

    /// Publishes a message, and returns when the broker has confirmed it.
    ///
    /// Suspends while too many are on their way, while there is no connection, and while the broker reads nothing. A message
    /// without an identifier gets one. With `mandatory` a message that no queue takes is an error; without, it is confirmed
    /// and gone.
    ///
    /// - Parameters:
    ///   - message: What to publish.
    ///   - timeout: How long it may take in all; nil is ``PublisherOptions/timeout``.
    /// - Returns: What it was published as.
    /// - Throws: Why it is not confirmed, and whether it may be in its queue all the same; at once if the task is cancelled.
    @discardableResult
    public func publish(
        _ message: OutgoingMessage,
        timeout: Duration? = nil
    ) async throws(PublishFailure) -> PublishReceipt {
        let message = message.identified
        let deadline = MonotonicClock.now() &+ (timeout ?? self.options.timeout).nanoseconds
        let token = self.tokens.add(1, ordering: .relaxed).newValue
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in self.add(token, message, deadline, waiter) }
        } onCancel: {
            self.cancel(token)
        }
        return try result.get()
    }

    /// Calls that wait at the moment.
    package var waitingCount: Int { self.monitor.withLock { $0.pending.count } }

    private func add(_ token: UInt64, _ message: OutgoingMessage, _ deadline: UInt64, _ waiter: Waiter) {
        let refusal = self.monitor.withLock { state -> PublishFailure.Reason? in
            if case .ended(let reason) = state.phase { return .ended(reason) }
            if case .stopping = state.phase { return .ended(Self.stopped) }
            // Set before the handler runs, which finds the message from here on.
            if Task.isCancelled { return .cancelled }
            state.pending.add(token, message, deadline: deadline, waiter)
            return nil
        }
        if let refusal {
            let messageID = message.properties.messageID ?? ""
            waiter.resume(returning: .failure(PublishFailure(refusal, messageID: messageID)))
        } else {
            self.mailbox.signal(Signal.work)
        }
    }

    private func cancel(_ token: UInt64) {
        let ending = self.monitor.withLock { $0.pending.leave(token, .cancelled) }
        guard let ending else { return }
        Self.tell([ending])
        self.mailbox.signal(Signal.work)
    }

    /// Lets nobody wait any longer.
    static func tell(_ endings: [PendingPublishes<Waiter>.Ending]) {
        for ending in endings {
            guard let reason = ending.failure else {
                let receipt = PublishReceipt(messageID: ending.messageID, sendings: ending.sendings)
                ending.waiter.resume(returning: .success(receipt))
                continue
            }
            let error = PublishFailure(
                reason,
                fate: ending.fate,
                messageID: ending.messageID,
                sendings: ending.sendings
            )
            ending.waiter.resume(returning: .failure(error))
        }
    }

    /// Takes no new messages, waits for the answers to those that it has, then ends.
    ///
    /// - Parameter time: How long it waits; then what is left throws. A cancelled task waits as long.
    public func stop(within time: Duration = .seconds(10)) async {
        await withCheckedContinuation { waiter in
            let (isOver, isIdle) = self.monitor.withLock { state in
                switch state.phase {
                case .ended: return (true, false)
                case .idle:
                    state.phase = .stopping(0)
                    state.whenEnded.append(waiter)
                    return (false, true)
                case .running:
                    state.phase = .stopping(MonotonicClock.now() &+ time.nanoseconds)
                    state.whenEnded.append(waiter)
                case .stopping: state.whenEnded.append(waiter)
                }
                return (false, false)
            }
            if isOver { waiter.resume() }
            if isIdle { self.end(Self.stopped) }
            self.mailbox.signal(Signal.work)
        }
    }

    static let stopped = AMQPError.ended(.connection, "the publisher was stopped")

    /// Nothing is published any more: every call hears of it, and who waits for the end.
    func end(_ reason: AMQPError) {
        let (endings, waiters) = self.monitor.withLock { state in
            state.phase = .ended(reason)
            defer { state.whenEnded = [] }
            return (state.pending.endAll(reason), state.whenEnded)
        }
        Self.tell(endings)
        for waiter in waiters { waiter.resume() }
    }
}

extension OutgoingMessage {
    /// With an identifier, made up if there is none.
    fileprivate var identified: OutgoingMessage {
        if self.properties.messageID != nil { return self }
        var message = self
        message.properties.messageID = MessageID.random()
        return message
    }
}
