import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Every reply code in both closes: RabbitMQ never shows 311, 313, 402, 502 and 506, other brokers do.
@Suite struct ScriptedReplyCodeTests {
    static let codes: [UInt16] = [
        200, 311, 312, 313, 320, 402, 403, 404, 405, 406, 501, 502, 503, 504, 505, 506, 530, 540, 541, 599,
    ]

    @Test(arguments: Self.codes)
    func `C41 C42 C43: in channel.close any code ends that channel alone`(code: UInt16) throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let neighbour = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in _ = try channel.get("q") }
            #expect(error?.code.rawValue == code)
            #expect(error?.code.description == ReplyCode(rawValue: code).description)
            #expect(error?.scope == .channel(1))
            #expect(error?.text == "words")
            #expect(error?.method == .basicGet)
            #expect(channel.endReason == error)
            try neighbour.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicGet.self, on: 1)
            let code = ReplyCode(rawValue: code)
            try peer.send(ChannelClose(replyCode: code, replyText: "words", classID: 60, methodID: 70), on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.expectPrefetch(on: 2)
            try peer.finish()
        }
    }

    @Test(arguments: [403, 404, 405, 406, 504] as [UInt16])
    func `1i: where the words name no entity it is the one that the failed request named`(code: UInt16) throws {
        let isNamed = code != 504
        let queue = AMQPError.Entity(kind: .queue, name: "q", virtualHost: nil)
        let exchange = AMQPError.Entity(kind: .exchange, name: "shop", virtualHost: nil)
        try Scripted.run { connection in
            let got = try connection.openChannel()
            let bound = try connection.openChannel()
            let unclear = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in _ = try got.get("q") }
            #expect(error?.entity == (isNamed ? queue : nil))
            #expect(got.endReason == error)
            // A later call did not cause it.
            #expect(Scripted.error { () throws(AMQPError) in _ = try got.get("other") } == error)
            let binding = Scripted.error { () throws(AMQPError) in try bound.bindQueue("q", to: "shop") }
            #expect(binding?.entity == (isNamed ? exchange : nil))
            let other = Scripted.error { () throws(AMQPError) in try unclear.bindQueue("q", to: "shop") }
            #expect(other != nil && other?.entity == nil)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2, 3)
            try peer.expect(BasicGet.self, on: 1)
            let code = ReplyCode(rawValue: code)
            try peer.send(ChannelClose(replyCode: code, replyText: "no", classID: 60, methodID: 70), on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            for (channel, text) in [(2, "shop is not there"), (3, "no")] as [(UInt16, String)] {
                try peer.expect(QueueBind.self, on: channel)
                try peer.send(ChannelClose(replyCode: code, replyText: text, classID: 50, methodID: 20), on: channel)
                try peer.expect(ChannelCloseOk.self, on: channel)
            }
            try peer.finish()
        }
    }

    @Test(arguments: Self.codes)
    func `C41 C43 C44: in connection.close any code ends the connection and every channel`(code: UInt16) throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let neighbour = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in _ = try channel.get("q") }
            #expect(error?.code.rawValue == code)
            #expect(error?.scope == .connection)
            #expect(error?.method == .basicGet)
            #expect(Scripted.error { () throws(AMQPError) in try neighbour.prefetch(1) } == error)
            #expect(Scripted.error { () throws(AMQPError) in _ = try connection.openChannel() } == error)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicGet.self, on: 1)
            let code = ReplyCode(rawValue: code)
            try peer.send(ConnectionClose(replyCode: code, replyText: "words", classID: 60, methodID: 70), on: 0)
            try peer.expect(ConnectionCloseOk.self, on: 0)
            try peer.expectEnd()
        }
    }

    @Test(arguments: [312, 313] as [UInt16])
    func `C49: basic.return carries its code, and closes nothing`(code: UInt16) throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.publish([1, 2], exchange: "x", routingKey: "k", mandatory: true)
            channel.pump { $0.returnedMessages.isEmpty }
            let returned = channel.takeReturnedMessages()
            #expect(returned.map(\.code) == [AMQPError.Code(ReplyCode(rawValue: code))])
            #expect(returned.first?.exchange == "x")
            #expect(returned.first?.routingKey == "k")
            #expect(returned.first?.body == [1, 2])
            try channel.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            let publish = try peer.expectPublish(on: 1)
            #expect(publish.method.immediate == false)  // C50: there is no way to ask for it
            try peer.sendContent(
                BasicReturn(
                    replyCode: ReplyCode(rawValue: code),
                    replyText: "NO",
                    exchange: "x",
                    routingKey: "k"
                ),
                publish.body,
                on: 1
            )
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `C61: consumer_timeout as a close is an error that passes, as a cancel it ends the consumer alone`()
        throws
    {
        try Scripted.run { connection in
            let first = try connection.openChannel()
            let second = try connection.openChannel()
            try first.consume("q", tag: "a")
            try second.consume("q", tag: "b")
            let error = Scripted.error { () throws(AMQPError) in _ = try first.nextDelivery(timeout: .seconds(60)) }
            #expect(error?.code == AMQPError.Code(406))
            #expect(error?.isTransient == true)
            second.pump { $0.cancelledConsumers.isEmpty }
            #expect(second.takeCancelledConsumers() == ["b"])
            try second.consume("q", tag: "b")
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            for (number, tag) in [(1, "a"), (2, "b")] as [(UInt16, String)] {
                try peer.expect(BasicConsume.self, on: number)
                try peer.send(BasicConsumeOk(consumerTag: tag), on: number)
            }
            let text =
                "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1000 ms."
            try peer.send(ChannelClose(replyCode: 406, replyText: text, classID: 0, methodID: 0), on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.send(BasicCancel(consumerTag: "b", noWait: true), on: 2)
            try peer.expect(BasicConsume.self, on: 2)  // no cancel-ok before it (C56)
            try peer.send(BasicConsumeOk(consumerTag: "b"), on: 2)
            try peer.finish()
        }
    }
}
