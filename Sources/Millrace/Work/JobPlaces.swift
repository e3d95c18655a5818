import AMQPClient
import AMQPWire
import Logging

/// The delay queues and the dead-letter targets of one job's queues, on the broker.
struct JobPlaces: CopyPlaces {
    /// Of each queue.
    let delays: [String: DelayQueue]
    let topology: Topology
    let known: ParkingQueues
    /// Without acks nothing can be given back: then a declaration takes as long as it takes.
    let isAcked: Bool
    /// By which copies wait.
    let clock: JobClock
    let logger: Logger

    func place(
        for target: CopyOrder.Target,
        of original: Original,
        _ open: () throws(AMQPError) -> Channel
    ) throws(AMQPError) -> CopyPlace {
        switch target {
        case .delay(let wait): try self.delay(wait, self.delays(of: original.queue), open)
        case .deadLetter: CopyPlace(address: try self.deadLetter(of: original, open), delay: nil)
        }
    }

    func forget(_ address: CopyAddress) {
        self.known.forget(address.key)
        self.topology.delayQueues.forget(address.key)
    }

    private func delays(of queue: String) throws(AMQPError) -> DelayQueue {
        if let delays = self.delays[queue] { return delays }
        throw AMQPError(.refusedLocally, scope: .call, text: "queue '\(queue)' is none of the job's")
    }

    private func delay(
        _ wait: Wait,
        _ delays: DelayQueue,
        _ open: () throws(AMQPError) -> Channel
    ) throws(AMQPError) -> CopyPlace {
        let ladder = delays.ladder
        let stage = ladder.stage(for: wait.milliseconds)
        let name = delays.name(stage)
        // A quorum queue that two declare at once refuses for a moment.
        let patience = MonotonicClock.now() &+ 2_000_000_000
        if !self.topology.delayQueues.awaitDeclared(name, until: patience) {
            let aside = try open()
            // Its node may be down: then what fails goes back without a wait, if it can.
            if self.isAcked { aside.requestTimeout = Parking<Self>.patience }
            do throws(AMQPError) {
                try delays.declare(stage, on: aside)
            } catch {
                aside.giveUp("it did not get its queue")  // a node that is down answers no close either
                throw error
            }
            aside.close()
            self.topology.delayQueues.wasDeclared(name)
        }
        let note = DelayNote(wait: wait.milliseconds, stage: ladder.stages[stage], now: self.clock.milliseconds)
        return CopyPlace(address: CopyAddress(queue: name), delay: note)
    }

    private func deadLetter(
        of original: Original,
        _ open: () throws(AMQPError) -> Channel
    ) throws(AMQPError) -> CopyAddress {
        let queue = original.queue
        var target = self.topology.deadLetter(of: queue)
        if original.deaths.isCircle(at: queue) {
            let own = self.topology.ownDeadLetter(of: queue)
            if own != target {
                self.logger.error(
                    "a dead letter came back to the queue in which it died; it goes to a queue of ours",
                    metadata: ["queue": "\(own.name)", "dead_letter": "\(target.name)"]
                )
                target = own
            }
        }
        let address = CopyAddress(
            exchange: target.exchange,
            routingKey: target.routingKey.map { Array($0.utf8) } ?? original.firstKey,
            key: target.exchange.isEmpty ? target.name : "exchange \(target.exchange)"
        )
        guard target.isOurs || !target.exchange.isEmpty, self.known.mustDeclare(address.key) else { return address }
        let aside = try open()
        defer { aside.close() }
        if target.isOurs {
            let type = self.topology.type(of: queue)
            let arguments: FieldTable = type == .quorum ? ["x-queue-type": .string("quorum")] : [:]
            _ = try aside.declareQueue(target.name, arguments: arguments)
        } else {
            try aside.declareExchange(target.exchange, passive: true)
        }
        self.known.wasDeclared(address.key)
        return address
    }
}
