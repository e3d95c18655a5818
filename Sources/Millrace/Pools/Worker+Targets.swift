import AMQPClient
import AMQPWire
import Logging

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
    enum ParkingTarget { case delay(Wait), deadLetter }

    /// - Parameters:
    ///   - target: What it is for.
    ///   - originalKey: What the message was first published with.
    ///   - deaths: The queues in which the message has died before.
    /// - Returns: The address, whose queue, or exchange, was there when this returns; and the note for a wait.
    /// - Throws: Why it can not be had.
    func address(
        of target: ParkingTarget,
        _ originalKey: String,
        deaths: MessageDeaths
    ) throws(AMQPError) -> (address: CopyAddress, delay: DelayNote?) {
        switch target {
        case .delay(let wait):
            let delays = self.delays
            let stage = delays.ladder.stage(for: wait.milliseconds)
            let name = delays.name(stage)
            // A quorum queue that two declare at once refuses for a moment.
            let patience = MonotonicClock.now() &+ 2_000_000_000
            if !self.topology.delayQueues.awaitDeclared(name, until: patience) {
                let aside = try self.openForCopies(Mailbox())
                defer { aside.close() }
                try delays.declare(stage, on: aside)
                self.topology.delayQueues.wasDeclared(name)
            }
            let note = DelayNote(
                wait: wait.milliseconds,
                stage: delays.ladder.stages[stage],
                now: WallClock.milliseconds()
            )
            return (CopyAddress(exchange: "", routingKey: name, key: name), note)
        case .deadLetter: return (try self.deadLetterAddress(originalKey, deaths), nil)
        }
    }

    private func deadLetterAddress(
        _ originalKey: String,
        _ deaths: MessageDeaths
    ) throws(AMQPError) -> CopyAddress {
        let queue = self.handle.job.queue
        var target = self.topology.deadLetter(of: queue)
        if deaths.isCircle(at: queue) {
            let own = self.topology.ownDeadLetter(of: queue)
            if own != target {
                self.handle.logger.error(
                    "a dead letter came back to the queue in which it died; it goes to a queue of ours",
                    metadata: ["queue": "\(own.name)", "dead_letter": "\(target.name)"]
                )
                target = own
            }
        }
        let address = CopyAddress(
            exchange: target.exchange,
            routingKey: target.routingKey ?? originalKey,
            key: target.exchange.isEmpty ? target.name : "exchange \(target.exchange)"
        )
        if target.isOurs {
            try self.makeSure(of: address.key) { (aside) throws(AMQPError) in
                let type = self.topology.type(of: queue)
                let arguments: FieldTable = type == .quorum ? ["x-queue-type": .string("quorum")] : [:]
                _ = try aside.declareQueue(target.name, arguments: arguments)
            }
        } else if !target.exchange.isEmpty {
            try self.makeSure(of: address.key) { (aside) throws(AMQPError) in
                try aside.declareExchange(target.exchange, passive: true)
            }
        }
        return address
    }

    /// It is gone, or not what was thought.
    func forget(_ address: CopyAddress) {
        self.parkingQueues.forget(address.key)
        self.topology.delayQueues.forget(address.key)
    }

    /// Asks the broker on a channel that only this costs if it says no: on the channel for copies every other copy in
    /// flight would be in doubt.
    private func makeSure(
        of key: String,
        _ ask: (Channel) throws(AMQPError) -> Void
    ) throws(AMQPError) {
        guard self.parkingQueues.mustDeclare(key) else { return }
        let aside = try self.openForCopies(Mailbox())
        defer { aside.close() }
        do throws(AMQPError) {
            try ask(aside)
        } catch {
            // A target that is not there holds up no other copy.
            if error.meansBlocked { self.parkingPause.ended(now: MonotonicClock.now()) }
            throw error
        }
        self.parkingQueues.wasDeclared(key)
    }
}
