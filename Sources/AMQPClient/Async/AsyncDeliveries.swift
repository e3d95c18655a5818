public import AMQPCore
import Synchronization

/// The deliveries of a queue, for tasks: a sequence with a channel of its own.
///
/// The broker has no more out than the prefetch, unsettled: whoever settles slowly gets slowly. Several tasks may iterate, and
/// each delivery goes to one of them. It goes on through lost connections and ended channels as ``RecoveringConsumer`` does;
/// what was not settled comes again, marked `redelivered`.
///
/// Made by ``RecoveringConnection/withDeliveries(from:options:_:)``, and over with its body.
public final class AsyncDeliveries: AsyncSequence, Sendable {
    /// What it gives out.
    public typealias Element = AsyncDelivery
    /// Why nothing comes any more.
    public typealias Failure = AMQPError

    typealias Taker = CheckedContinuation<Result<AsyncDelivery?, AMQPError>, Never>
    struct Order: Sendable {
        let delivery: Delivery
        let settling: AsyncDelivery.Settling
    }
    struct State {
        var desk = DeliveryDesk<AsyncDelivery, Taker>()
        /// In the order in which they were given.
        var orders: ContiguousArray<Order> = []
        var isQuiet = false
        var mustEnd = false
        var hasEnded = false
        var whenEnded: [CheckedContinuation<Void, Never>] = []
    }
    enum Signal {
        static let work: UInt32 = 1
        /// Ends the wait for a channel to be opened, too.
        static let end: UInt32 = 2
    }

    let connection: RecoveringConnection
    let queue: String
    let options: ConsumerOptions
    let mailbox = Mailbox()
    let monitor = Monitor(State())
    private let tokens = Atomic<UInt64>(0)

    init(_ connection: RecoveringConnection, _ queue: String, _ options: ConsumerOptions) {
        self.connection = connection
        self.queue = queue
        self.options = options
    }

    func start() throws(AMQPError) {
        guard !self.options.noAck, self.options.prefetch > 0 else {
            let text = "a sequence of deliveries needs acks and a prefetch: nothing else bounds what waits in memory"
            throw AMQPError(.invalidSettings, scope: .call, text: text)
        }
        do throws(ThreadError) {
            try WorkerThread.start(name: "amqp-deliver") { DeliveryThread(self).run() }.detach()
        } catch {
            throw AMQPError(.invalidSettings, scope: .call, text: "\(error)")
        }
    }

    // MARK: Iterating

    /// See `AsyncSequence`.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(deliveries: self) }

    /// Gives one task its deliveries.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let deliveries: AsyncDeliveries

        /// The next delivery.
        ///
        /// - Returns: nil when the task is cancelled, or the sequence was stopped.
        /// - Throws: Why there will be none: the connection was stopped or gave up.
        public mutating func next() async throws(AMQPError) -> AsyncDelivery? {
            try await self.deliveries.next()
        }

        /// The same for an actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(AMQPError) -> AsyncDelivery? {
            try await self.deliveries.next(isolation: actor)
        }
    }

    private func next(isolation: isolated (any Actor)? = #isolation) async throws(AMQPError) -> AsyncDelivery? {
        let token = self.tokens.add(1, ordering: .relaxed).newValue
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation(isolation: isolation) { taker in self.take(token, taker) }
        } onCancel: {
            let taker = self.monitor.withLock { $0.desk.leave(token) }
            taker?.resume(returning: .success(nil))
        }
        return try result.get()
    }

    private func take(_ token: UInt64, _ taker: Taker) {
        // Set before the handler runs, which finds the taker from here on.
        let answer = self.monitor.withLock { state -> DeliveryDesk<AsyncDelivery, Taker>.Answer in
            Task.isCancelled ? .over : state.desk.take(token, taker)
        }
        switch answer {
        case .wait: break
        case .item(let delivery): taker.resume(returning: .success(delivery))
        case .over: taker.resume(returning: .success(nil))
        case .failure(let error): taker.resume(returning: .failure(error))
        }
    }

    func settle(_ delivery: Delivery, _ settling: AsyncDelivery.Settling) {
        self.monitor.withLock { $0.orders.append(Order(delivery: delivery, settling: settling)) }
        self.mailbox.signal(Signal.work)
    }

    // MARK: Ending

    /// Ends the loops over it: nothing more is given out, and what nobody has taken goes back to its queue.
    ///
    /// What tasks have in hand they can settle until the body of
    /// ``RecoveringConnection/withDeliveries(from:options:_:)`` ends. For the graceful shutdown of a service.
    public func stop() {
        let takers = self.monitor.withLock { state in
            state.isQuiet = true
            // What is ready goes back on the sequence's thread.
            let (takers, items) = state.desk.quiet()
            for item in items {
                state.orders.append(Order(delivery: item.delivery, settling: .nack(requeue: true)))
            }
            return takers
        }
        for taker in takers { taker.resume(returning: .success(nil)) }
        self.mailbox.signal(Signal.work)
    }

    /// Returns when its channel is closed.
    func end() async {
        self.stop()
        await withCheckedContinuation { waiter in
            let isOver = self.monitor.withLock { state in
                state.mustEnd = true
                if !state.hasEnded { state.whenEnded.append(waiter) }
                return state.hasEnded
            }
            if isOver { waiter.resume() }
            self.mailbox.signal(Signal.end)
        }
    }

    /// Its thread has ended.
    func ended() {
        let waiters = self.monitor.withLock { state in
            state.hasEnded = true
            defer { state.whenEnded = [] }
            return state.whenEnded
        }
        for waiter in waiters { waiter.resume() }
    }
}
