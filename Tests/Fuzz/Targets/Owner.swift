import AMQPCore
import AMQPWire

/// Who owns a channel: remembers what it got and what it still waits for.
final class Owner {
    let channel: Channel
    let mailbox: Mailbox
    private(set) var isOpening = true
    private(set) var hasClosed = false
    /// Newest last.
    private(set) var deliveries: [Delivery] = []
    private var unanswered: Set<UInt64> = []
    private var nextToken: UInt64 = 1

    init(_ channel: Channel, _ mailbox: Mailbox) {
        self.channel = channel
        self.mailbox = mailbox
    }

    var isReady: Bool { !self.isOpening && !self.hasClosed && self.channel.endReason == nil }
    var isOver: Bool { self.hasClosed || (self.channel.endReason != nil && self.unanswered.isEmpty) }

    /// Takes in what has come, and reads all of it.
    func look(_ run: ClientRun) {
        // Before the loop, which a cancelled consumer ends without a look into the mailbox.
        self.channel.pump(until: 0)
        if self.isOpening {
            guard case .reply(.channelOpenOk)? = self.channel.takeReply() else { return }
            self.isOpening = false
            run.reached.channels += 1
        }
        while let delivery = (try? self.channel.nextDelivery(timeout: .zero)) ?? nil { self.keep(delivery, run) }
        _ = self.channel.takeCancelledConsumers()
        run.reached.returned += self.channel.takeReturnedMessages().count
        for answer in self.channel.takeVerdicts() {
            if self.unanswered.remove(answer.token) == nil { run.fail("publish \(answer.token) is answered twice") }
            run.reached.verdicts += 1
        }
    }

    func keep(_ delivery: Delivery, _ run: ClientRun) {
        run.reached.deliveries += 1
        let envelope = try? delivery.envelope
        let properties = try? delivery.properties
        let sum = delivery.withBody { $0.reduce(0) { $0 &+ Int($1) } }
        if envelope?.routingKey == "never", properties?.contentType == "never", sum < 0 { run.fail("unreachable") }
        self.deliveries.append(delivery)
        if self.deliveries.count > 64 { self.deliveries.removeFirst() }
    }

    func publish(_ bytes: Int, _ properties: BasicProperties, mandatory: Bool, _ run: ClientRun) {
        let body = [UInt8](repeating: 0xCE, count: bytes)
        let token = self.nextToken
        self.nextToken += 1
        body.withUnsafeBytes { octets in
            guard
                let sequence = try? self.channel.publish(
                    octets,
                    exchange: "",
                    routingKey: "k",
                    properties: properties,
                    mandatory: mandatory,
                    token: token,
                    until: 0
                )
            else { return }
            run.reached.published += 1
            if sequence > 0 { self.unanswered.insert(token) }
        }
    }

    func close(_ run: ClientRun) {
        self.channel.close()
        self.hasClosed = true
        if self.channel.endReason == nil { run.fail("a closed channel has no reason") }
    }

    /// The connection is gone: nothing may be left waiting (C41).
    func checkEnd(_ run: ClientRun) {
        if self.channel.endReason == nil { run.fail("channel \(self.channel.number) outlives its connection") }
        if !self.unanswered.isEmpty { run.fail("publishes \(self.unanswered) were never answered") }
        if (try? self.channel.publish([1], routingKey: "k")) != nil { run.fail("a dead channel took a publish") }
        if self.channel.endReason != nil { run.reached.channelEnds += 1 }
    }
}
