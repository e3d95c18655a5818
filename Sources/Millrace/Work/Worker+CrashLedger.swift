import AMQPClient
import AMQPWire
import Logging

/// The worker's side of the ledger.
extension Worker {
    /// A message that crashed the process too often goes to the dead letters without its handler.
    func setAside(_ record: ContentRecord, _ block: Block, _ reason: String, _ channel: Channel) {
        let held = HeldDelivery(record: record, bytes: block.bytes, owner: block.owner)
        self.handle.received.add()
        self.handle.logger.error(
            "a message that crashed the process is set aside",
            metadata: [
                "delivery": .number(record.deliveryTag), "message_id": "\(held.properties.messageID ?? "none")",
                "reason": "\(reason)",
            ]
        )
        let attempt = held.attempt(at: self.queue(of: held), self.hands.seal)
        let settling = Settling(verdict: .reject, reason: reason, attempt: attempt, death: .crashed)
        self.carryOut(settling, of: held, on: channel)
    }
}
