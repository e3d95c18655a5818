import AMQPClient
import AMQPWire
import Testing
import TestSupport

@Suite struct ScriptedPublishTests {
    private static func publish(_ channel: Channel, _ token: UInt64, mandatory: Bool = false) throws(AMQPError) {
        try ([1] as [UInt8]).withBytes { (bytes) throws(AMQPError) in
            _ = try channel.publish(
                bytes,
                exchange: "",
                routingKey: "q",
                properties: BasicProperties(),
                mandatory: mandatory,
                token: token
            )
        }
    }

    private static func select(_ peer: ScriptedPeer) throws {
        try peer.expect(ConfirmSelect.self, on: 1)
        try peer.send(ConfirmSelectOk(), on: 1)
    }

    @Test func `C19 C23: bodies are split at frame-max minus 8`() throws {
        let most = 8192 - 8
        let sizes = [0, 1, most - 1, most, most + 1, 3 * most - 1, 3 * most, 3 * most + 1]
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            for size in sizes { try channel.publish([UInt8](repeating: 206, count: size), routingKey: "q") }
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            for size in sizes {
                let publish = try peer.expectPublish(on: 1)
                #expect(publish.body.count == size)
                #expect(publish.pieces.dropLast().allSatisfy { $0.count == most })
                #expect(publish.pieces.count == (size + most - 1) / most)
            }
            try peer.finish()
        }
    }

    @Test func `C20 C27 C47: what can not be encoded is refused, nothing is sent and no number is used`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            let key = String(repeating: "k", count: 256)
            let long = Scripted.error { () throws(AMQPError) in try channel.publish([1], routingKey: key) }
            #expect(long?.code == .refusedLocally)
            #expect(long?.scope == .call)
            var properties = BasicProperties()
            properties.headers = ["h": .string(String(repeating: "x", count: 9000))]
            let large = Scripted.error { () throws(AMQPError) in
                try channel.publish([1], routingKey: "q", properties: properties)
            }
            #expect(large?.code == .refusedLocally)
            #expect(channel.isOpen)
            #expect(try channel.publish([1], routingKey: "q") == 1)
            #expect(try channel.awaitConfirms(timeout: .seconds(60)) == [])
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try Self.select(peer)
            #expect(try peer.expectPublish(on: 1).method.routingKey == "q")
            try peer.send(BasicAck(deliveryTag: 1, multiple: false), on: 1)
            try peer.finish()
        }
    }

    @Test func `C48: confirms out of order, single and multiple, acks and nacks`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            for token: UInt64 in 1...6 { try Self.publish(channel, token + 10) }
            channel.sendAcks()
            channel.pump { $0.verdicts.count < 6 }
            #expect(channel.unconfirmedCount == 0)
            #expect(channel.takeVerdicts().map(\.token) == [14, 12, 11, 13, 15, 16])
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try Self.select(peer)
            for _ in 0..<6 { _ = try peer.expectPublish(on: 1) }
            try peer.send(BasicAck(deliveryTag: 4, multiple: false), on: 1)
            try peer.send(BasicNack(deliveryTag: 2, multiple: false, requeue: false), on: 1)
            try peer.send(BasicAck(deliveryTag: 5, multiple: true), on: 1)
            try peer.send(BasicAck(deliveryTag: 0, multiple: true), on: 1)
            try peer.finish()
        }
    }

    @Test func `C49: a return is matched to its publish by the header, also when others are confirmed with it`() throws
    {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            for _ in 1...3 { try channel.publish([1], routingKey: "q", mandatory: true) }
            let failed = try channel.awaitConfirms(timeout: .seconds(60))
            #expect(failed.map(\.sequence) == [2])
            #expect(failed.map(\.reason) == [.returned])
            #expect(failed.first?.message == OutgoingMessage([1], routingKey: "q", mandatory: true))
            let returned = channel.takeReturnedMessages()
            #expect(returned.map(\.code) == [AMQPError.Code(312)])
            #expect(returned.first?.body == [1])
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try Self.select(peer)
            var second: PeerPublish?
            for index in 1...3 {
                let publish = try peer.expectPublish(on: 1)
                if index == 2 { second = publish }
            }
            guard let second else { return }
            #expect(second.header.properties.headers?["millrace-seq"] == .int64(2))
            try peer.sendContent(
                BasicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: "q"),
                second.body,
                on: 1,
                properties: second.header.properties
            )
            try peer.send(BasicAck(deliveryTag: 3, multiple: true), on: 1)
            try peer.finish()
        }
    }

    @Test func `C45: at a channel's death the unanswered messages are handed back, the answered ones are not`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            let messages = (1...4).map { OutgoingMessage([UInt8($0)], exchange: "x", routingKey: "k\($0)") }
            for message in messages { try channel.publish(message) }
            let error = Scripted.error { () throws(AMQPError) in _ = try channel.awaitConfirms() }
            #expect(error?.code == AMQPError.Code(404))
            let failed = channel.takeFailedPublishes()
            #expect(failed.map(\.sequence) == [2, 3, 4])
            #expect(failed.map(\.reason) == [.refused, .unknown, .unknown])
            #expect(failed.map(\.message) == Array(messages[1...]))
            #expect(channel.takeFailedPublishes().isEmpty)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try Self.select(peer)
            for _ in 0..<4 { _ = try peer.expectPublish(on: 1) }
            try peer.send(BasicAck(deliveryTag: 1, multiple: false), on: 1)
            try peer.send(BasicNack(deliveryTag: 2, multiple: false, requeue: false), on: 1)
            let text = "NOT_FOUND - no exchange 'x' in vhost '/'"
            try peer.send(ChannelClose(replyCode: 404, replyText: text, classID: 60, methodID: 40), on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.finish()
        }
    }

    @Test func `C41 C45: what is pending when the channel dies is unknown, once each`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            for token: UInt64 in 1...4 { try Self.publish(channel, token) }
            let error = Scripted.error { () throws(AMQPError) in _ = try channel.awaitConfirms() }
            #expect(error?.code == AMQPError.Code(404))
            let verdicts = channel.takeVerdicts()
            #expect(verdicts.map(\.token) == [1, 2, 3, 4])
            #expect(verdicts.map(\.verdict) == [.confirmed, .unknown, .unknown, .unknown])
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try Self.select(peer)
            for _ in 0..<4 { _ = try peer.expectPublish(on: 1) }
            try peer.send(BasicAck(deliveryTag: 1, multiple: false), on: 1)
            try peer.send(ChannelClose(replyCode: 404, replyText: "no exchange", classID: 60, methodID: 40), on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.finish()
        }
    }

    @Test func `C65: channel.flow pauses the publishes of its channel only, and is answered`() throws {
        try Scripted.run { connection in
            let paused = try connection.openChannel()
            let other = try connection.openChannel()
            try other.prefetch(1)  // its answer comes behind the flow
            try other.publish([2], routingKey: "other")
            try paused.publish([1], routingKey: "paused")
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicQos.self, on: 2)
            try peer.send(ChannelFlow(active: false), on: 1)
            #expect(try peer.expect(ChannelFlowOk.self, on: 1) == ChannelFlowOk(active: false))
            try peer.send(BasicQosOk(), on: 2)
            #expect(try peer.expectPublish(on: 2).method.routingKey == "other")
            try peer.send(ChannelFlow(active: true), on: 1)
            #expect(try peer.expect(ChannelFlowOk.self, on: 1) == ChannelFlowOk(active: true))
            #expect(try peer.expectPublish(on: 1).method.routingKey == "paused")
            try peer.finish()
        }
    }

    @Test func `C51: a publish with a deadline gives up while the broker blocks, with nothing sent`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.prefetch(1)  // its answer comes behind connection.blocked
            let message = OutgoingMessage([1], routingKey: "q")
            let error = Scripted.error { () throws(AMQPError) in
                try channel.publish(message, timeout: .milliseconds(50))
            }
            #expect(error?.code == .timeout)
            #expect(error?.scope == .call)
            try channel.prefetch(2)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicQos.self, on: 1)
            try peer.send(ConnectionBlocked(reason: "low on memory"), on: 0)
            try peer.send(BasicQosOk(), on: 1)
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `C51: while the broker blocks, publishes wait and acks go out`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            guard let delivery = try channel.nextDelivery(timeout: .seconds(60)) else {
                Issue.record("no delivery")
                return
            }
            #expect(connection.isBlocked)
            try channel.ack(delivery)
            try channel.publish([1], routingKey: "q")
            #expect(!connection.isBlocked)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.sendRaw(
                Octets.method(ConnectionBlocked(reason: "low on memory"), on: 0)
                    + Octets.method(BasicConsumeOk(consumerTag: "c"), on: 1)
                    + Octets.content(
                        BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "q"),
                        [1],
                        on: 1
                    )
            )
            try peer.expect(BasicAck.self, on: 1)
            try peer.send(ConnectionUnblocked(), on: 0)
            _ = try peer.expectPublish(on: 1)
            try peer.finish()
        }
    }
}
