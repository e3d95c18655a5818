import AMQPClient
import AMQPWire

/// Where a copy goes.
struct CopyAddress: Equatable, CustomStringConvertible {
    let exchange: String
    let routingKey: String
    /// What ``ParkingQueues`` knows it by: its queue, or `exchange NAME`.
    let key: String

    var description: String { self.exchange.isEmpty ? "'\(self.routingKey)'" : "exchange '\(self.exchange)'" }
}

/// The targets of copies: there before the first one goes out.
extension Worker {
    enum ParkingTarget { case delay(DelayStep), deadLetter }

    /// - Parameters:
    ///   - target: What it is for.
    ///   - originalKey: What the message was first published with.
    /// - Returns: The address; its queue, or exchange, was there when this returns.
    /// - Throws: Why it can not be had.
    func address(of target: ParkingTarget, _ originalKey: String) throws(AMQPError) -> CopyAddress {
        let queue = self.handle.job.queue
        switch target {
        case .delay(let step):
            let name = step.queueName(for: queue)
            try self.makeSure(of: name, isDelay: true) { (aside) throws(AMQPError) in
                let arguments = step.arguments(for: queue, isSafe: self.topology.needsSafeWay(to: queue))
                _ = try aside.declareQueue(name, arguments: arguments)
            }
            return CopyAddress(exchange: "", routingKey: name, key: name)
        case .deadLetter:
            let target = self.topology.deadLetter(of: queue)
            let address = CopyAddress(
                exchange: target.exchange,
                routingKey: target.routingKey ?? originalKey,
                key: target.exchange.isEmpty ? target.name : "exchange \(target.exchange)"
            )
            if target.isOurs {
                try self.makeSure(of: address.key, isDelay: false) { (aside) throws(AMQPError) in
                    let isQuorum = self.topology.isQuorum(queue)
                    _ = try aside.declareQueue(
                        target.name,
                        arguments: isQuorum ? ["x-queue-type": .string("quorum")] : [:]
                    )
                }
            } else if !target.exchange.isEmpty {
                try self.makeSure(of: address.key, isDelay: false) { (aside) throws(AMQPError) in
                    try aside.declareExchange(target.exchange, passive: true)
                }
            }
            return address
        }
    }

    /// Asks the broker on a channel that only this costs if it says no: on the channel for copies every other copy in
    /// flight would be in doubt, and its message out twice.
    private func makeSure(
        of key: String,
        isDelay: Bool,
        _ ask: (Channel) throws(AMQPError) -> Void
    ) throws(AMQPError) {
        let now = MonotonicClock.now()
        guard self.parkingQueues.mustDeclare(key, now: now) else { return }
        let aside = try self.openForCopies(Mailbox())
        defer { aside.close() }
        do throws(AMQPError) {
            try ask(aside)
        } catch {
            // A target that is not there holds up no other copy.
            if error.meansBlocked { self.parkingPause.ended(now: MonotonicClock.now()) }
            throw error
        }
        self.parkingQueues.wasDeclared(key, isDelay: isDelay, now: now)
    }
}
