import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// The broker's own table gates what a channel may ask (C5).
@Suite struct ScriptedCapabilityTests {
    enum Call: String, CaseIterable {
        case confirms = "publisher_confirms"
        case bind = "exchange_exchange_bindings"
        case nack = "basic.nack"
        case priority = "consumer_priorities"
        case replyTo = "direct_reply_to"
    }

    @Test(arguments: Call.allCases)
    func `C5: what the broker says that it has not is refused here, and nothing is sent`(_ call: Call) throws {
        let properties: FieldTable = ["product": "Old", "capabilities": .table([call.rawValue: false])]
        try Scripted.run { connection in
            #expect(connection.serverProperties == properties)
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            let error = Scripted.error { () throws(AMQPError) in try Self.make(call, channel, delivery) }
            #expect(error?.code == .refusedLocally)
            #expect(error?.text == "the broker says that it has no \(call.rawValue)")
            try channel.prefetch(1)
            guard call == .nack else { return }
            #expect(channel.nack(tag: delivery.deliveryTag, requeue: true))
            channel.sendAcks()
        } peer: { peer in
            try peer.handshake(serverProperties: properties)
            try Self.serve(peer)
            try peer.expectPrefetch(on: 1)
            if call == .nack { #expect(try peer.expect(BasicReject.self, on: 1).requeue) }
            try peer.finish()
        }
    }

    @Test(arguments: [FieldTable(), ["capabilities": .table([:])], ["capabilities": .table(["basic.nack": true])]])
    func `C5: what the broker says nothing of may be asked for`(_ properties: FieldTable) throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            try channel.nack(delivery, requeue: true)
            try channel.selectConfirms()
        } peer: { peer in
            try peer.handshake(serverProperties: properties)
            try Self.serve(peer)
            try peer.expect(BasicNack.self, on: 1)
            try peer.expect(ConfirmSelect.self, on: 1)
            try peer.send(ConfirmSelectOk(), on: 1)
            try peer.finish()
        }
    }

    private static func make(_ call: Call, _ channel: Channel, _ delivery: Delivery) throws(AMQPError) {
        switch call {
        case .confirms: try channel.selectConfirms()
        case .bind: try channel.bindExchange("a", to: "b")
        case .nack: try channel.nack(delivery, requeue: true)
        case .priority: try channel.consume("q", arguments: ["x-priority": 1])
        case .replyTo: try channel.consume("amq.rabbitmq.reply-to", noAck: true)
        }
    }

    private static func serve(_ peer: ScriptedPeer) throws {
        try peer.openChannels(1)
        try peer.expect(BasicConsume.self, on: 1)
        try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
        let deliver = BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "q")
        try peer.sendContent(deliver, [1], on: 1)
    }
}
