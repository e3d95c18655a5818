import AMQPCore
import Logging

/// The loop of an ``AsyncDeliveries``: takes what comes, and settles what tasks say.
///
/// Made on its thread and never leaves it.
final class DeliveryThread {
    private let shared: AsyncDeliveries
    private let consumer: RecoveringConsumer
    /// The life of the channel that the last deliveries came on.
    private var incarnation: UInt64?
    private var isQuiet = false

    /// How long each answer of the broker may take at the end.
    private static let patience = Duration.seconds(5)

    init(_ shared: AsyncDeliveries) {
        self.shared = shared
        self.consumer = RecoveringConsumer(
            on: shared.connection,
            queue: shared.queue,
            options: shared.options,
            mailbox: shared.mailbox,
            interrupts: AsyncDeliveries.Signal.end
        )
    }

    func run() {
        let mailbox = self.shared.mailbox
        let listener = self.shared.connection.addListener { mailbox.signal(AsyncDeliveries.Signal.work) }
        while true {
            let (isQuiet, mustEnd) = self.settle()
            if mustEnd { break }
            if isQuiet { self.quiet() }
            do throws(AMQPError) {
                guard let delivery = try self.consumer.nextOrSignal() else { continue }
                self.give(delivery)
            } catch {
                let takers = self.shared.monitor.withLock { $0.desk.fail(error) }
                for taker in takers { taker.resume(returning: .failure(error)) }
                break
            }
        }
        self.quiet()
        _ = self.settle()
        self.consumer.close()
        self.shared.connection.removeListener(listener)
        self.shared.ended()
    }

    private func settle() -> (isQuiet: Bool, mustEnd: Bool) {
        let (orders, isQuiet, mustEnd) = self.shared.monitor.withLock { state in
            defer { state.orders.removeAll() }
            return (state.orders, state.isQuiet, state.mustEnd)
        }
        for order in orders {
            do throws(AMQPError) {
                switch order.settling {
                case .ack: try self.consumer.ack(order.delivery)
                case .nack(let requeue): try self.consumer.nack(order.delivery, requeue: requeue)
                case .reject(let requeue): try self.consumer.reject(order.delivery, requeue: requeue)
                }
            } catch {
                // Its channel has ended, or ends over it: the message comes again.
                self.shared.connection.logger.debug("a delivery is not settled", metadata: ["reason": "\(error)"])
            }
        }
        return (isQuiet, mustEnd)
    }

    private func give(_ delivery: Delivery) {
        let element = AsyncDelivery(delivery, self.shared)
        let isNews = self.consumer.incarnation != self.incarnation
        self.incarnation = self.consumer.incarnation
        let (taker, isQuiet) = self.shared.monitor.withLock { state in
            // Those of a channel that has ended come again.
            if isNews { state.desk.dropReady() }
            return state.isQuiet ? (nil, true) : (state.desk.arrived(element), false)
        }
        taker?.resume(returning: .success(element))
        if isQuiet { try? self.consumer.nack(delivery) }
    }

    /// The consumer ends; what it has brought meanwhile goes back.
    private func quiet() {
        guard !self.isQuiet else { return }
        self.isQuiet = true
        for delivery in self.consumer.quiet(within: Self.patience) { try? self.consumer.nack(delivery) }
    }
}
