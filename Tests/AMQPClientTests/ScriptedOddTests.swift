import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// What a broker within the rules may send all the same: headers over frame-max, texts and names that are not UTF-8.
@Suite struct ScriptedOddTests {
    /// More than a frame: of another publisher, or with what the broker has added.
    private static let large = BasicProperties(
        headers: ["h": .string(String(repeating: "x", count: 20_000))],
        deliveryMode: 2
    )
    private static let cut = Array("NOT_FOUND - no queue '€€".utf8.dropLast())

    /// A method frame of ready octets, since ours would be text.
    private static func method(_ id: MethodID, _ arguments: [UInt8], on channel: UInt16) -> [UInt8] {
        let numbers = [id.classID, id.methodID].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        return Octets.frame(Frame.method, channel, numbers + arguments)
    }

    private static func sendLarge(_ method: some AMQPMethod, _ peer: ScriptedPeer) throws {
        try peer.sendRaw(Octets.content(method, [1, 2], on: 1, frameMax: 1 << 20, properties: Self.large))
    }

    @Test func `headers over frame-max are taken in, with each of the three methods that bring a content`() throws {
        try Scripted.run { connection in
            #expect(connection.outbox.frameMax == 8192)
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            #expect(try delivery.properties == Self.large && delivery.body == [1, 2])
            let got = try #require(try channel.get("q"))
            #expect(try got.properties == Self.large && got.body == [1, 2])
            try channel.publish([1], routingKey: "q", mandatory: true)
            channel.pump { $0.returnedMessages.isEmpty }
            #expect(channel.takeReturnedMessages().map(\.properties) == [Self.large])
            try channel.prefetch(1)
        } peer: { peer in
            try peer.handshake(frameMax: 8192)
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            try Self.sendLarge(BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "q"), peer)
            try peer.expect(BasicGet.self, on: 1)
            try Self.sendLarge(BasicGetOk(deliveryTag: 2, exchange: "", routingKey: "q", messageCount: 0), peer)
            _ = try peer.expectPublish(on: 1)
            try Self.sendLarge(BasicReturn(replyCode: 312, replyText: "", exchange: "", routingKey: "q"), peer)
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `a header over frame-max of our own is refused, however it is published, and the channel goes on`()
        throws
    {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            for mandatory in [false, true] {
                let message = OutgoingMessage([1], routingKey: "q", properties: Self.large, mandatory: mandatory)
                let error = Scripted.error { () throws(AMQPError) in try channel.publish(message) }
                #expect(error?.code == .refusedLocally && error?.scope == .call)
                #expect(error?.text.contains("frame-max is 8192") == true)
            }
            // One that fits by itself, and not with the header that says which publish came back.
            var nearly = FieldTable()
            nearly["h"] = .string(String(repeating: "x", count: 8192 - 8 - 14 - 4 - 2 - 5 - 2))
            let properties = BasicProperties(headers: nearly)
            try channel.selectConfirms()
            try channel.publish(OutgoingMessage([1], routingKey: "q", properties: properties))
            let error = Scripted.error { () throws(AMQPError) in
                try channel.publish(OutgoingMessage([1], routingKey: "q", properties: properties, mandatory: true))
            }
            #expect(error?.code == .refusedLocally)
            let octets = [UInt8(1)].withUnsafeBytes { body in
                Scripted.error { () throws(AMQPError) in
                    try channel.publish(
                        body,
                        exchange: [],
                        routingKey: [0xFF],
                        properties: Self.large,
                        mandatory: false,
                        token: 0
                    )
                }
            }
            #expect(octets?.code == .refusedLocally)
            try channel.prefetch(1)
        } peer: { peer in
            try peer.handshake(frameMax: 8192)
            try peer.openChannels(1)
            try peer.expect(ConfirmSelect.self, on: 1)
            try peer.send(ConfirmSelectOk(), on: 1)
            _ = try peer.expectPublish(on: 1)
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `a header over its own bound, a body and a method over frame-max still end the connection`() throws {
        var options = Scripted.options
        options.headerByteLimit = 10_000
        for octets in [
            Octets.frame(Frame.header, 1, [UInt8](repeating: 0, count: 10_001)),
            Octets.frame(Frame.body, 1, [UInt8](repeating: 0, count: 8185)),
            Octets.frame(Frame.method, 1, [UInt8](repeating: 0, count: 8185)),
        ] {
            try Scripted.run(options) { connection in
                let channel = try connection.openChannel()
                let error = Scripted.error { () throws(AMQPError) in _ = try channel.nextDelivery(timeout: .seconds(60))
                }
                #expect(error?.code == .protocolViolation && error?.scope == .connection)
            } peer: { peer in
                try peer.handshake(frameMax: 8192)
                try peer.openChannels(1)
                try peer.sendRaw(octets)
                #expect(try peer.expect(ConnectionClose.self, on: 0).replyCode == .frameError)
                try peer.expectEnd()
            }
        }
    }

    @Test func `a reply text that is cut inside a character ends what it says, and no neighbour`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let neighbour = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in _ = try channel.declareQueue("€€", passive: true) }
            #expect(error?.code == AMQPError.Code(404))
            #expect(error?.text == "NOT_FOUND - no queue '€\u{FFFD}")
            try neighbour.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(QueueDeclare.self, on: 1)
            let arguments = [0x01, 0x94, UInt8(Self.cut.count)] + Self.cut + [0, 50, 0, 10]
            try peer.sendRaw(Self.method(.channelClose, arguments, on: 1))
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.expectPrefetch(on: 2)
            try peer.finish()
        }
    }

    @Test func `a reason of connection.close that is cut is read, answered and told`() throws {
        let error = try Scripted.failure { peer in
            try peer.greet()
            let arguments = [0x02, 0x12, UInt8(Self.cut.count)] + Self.cut + [0, 0, 0, 0]
            try peer.sendRaw(Self.method(.connectionClose, arguments, on: 0))
            try peer.expect(ConnectionCloseOk.self, on: 0)
            try peer.expectEnd()
        }
        #expect(error?.code == AMQPError.Code(530))
        #expect(error?.text.hasSuffix("€\u{FFFD}") == true)
    }

    @Test func `blocked reasons, names in answers and texts of returns need not be UTF-8`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            #expect(try channel.declareQueue("", passive: true).name == "q\u{FFFD}")
            try channel.publish([1], routingKey: "q", mandatory: true)
            channel.pump { $0.returnedMessages.isEmpty }
            let returned = try #require(channel.takeReturnedMessages().first)
            #expect(returned.text == "\u{FFFD}" && returned.exchange == "\u{FFFD}" && returned.routingKey == "\u{FFFD}")
            try channel.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.sendRaw(Self.method(.connectionBlocked, [2, 0x61, 0xE2], on: 0))
            try peer.send(ConnectionUnblocked(), on: 0)
            try peer.expect(QueueDeclare.self, on: 1)
            try peer.sendRaw(Self.method(.queueDeclareOk, [2, 0x71, 0xFF] + [UInt8](repeating: 0, count: 8), on: 1))
            _ = try peer.expectPublish(on: 1)
            let header: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            try peer.sendRaw(
                Self.method(.basicReturn, [0x01, 0x38, 1, 0xFF, 1, 0xFF, 1, 0xFF], on: 1) + Octets.frame(2, 1, header)
            )
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `an address of a delivery that is not UTF-8 is shown, and kept as it came`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            for delivery in [try channel.nextDelivery(timeout: .seconds(60)), try channel.get("q")] {
                let delivery = try #require(delivery)
                #expect(try delivery.envelope.routingKey == "k\u{FFFD}")
                #expect(delivery.routingKeyOctets == [0x6B, 0xE9])
                #expect(delivery.exchangeOctets == [0xFE])
            }
            try [UInt8(7)].withUnsafeBytes { body in
                _ = try channel.publish(
                    body,
                    exchange: [0xFE],
                    routingKey: [0x6B, 0xE9],
                    properties: BasicProperties(),
                    mandatory: true,
                    token: 0
                )
            }
            try channel.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            let header: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            let address: [UInt8] = [1, 0xFE, 2, 0x6B, 0xE9]
            let tag: [UInt8] = [0, 0, 0, 0, 0, 0, 0]
            try peer.sendRaw(Self.method(.basicDeliver, [1, 0x63] + tag + [1, 0] + address, on: 1))
            try peer.sendRaw(Octets.frame(2, 1, header))
            try peer.expect(BasicGet.self, on: 1)
            try peer.sendRaw(Self.method(.basicGetOk, tag + [2, 0] + address + [0, 0, 0, 0], on: 1))
            try peer.sendRaw(Octets.frame(2, 1, header))
            let publish = try peer.next()
            #expect(publish.payload == [0, 60, 0, 40, 0, 0] + address + [1])
            _ = try peer.next()
            #expect(try peer.next().payload == [7])
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `a consumer tag that is not UTF-8 costs the channel, and no neighbour`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let neighbour = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in try channel.consume("q", tag: "é") }
            #expect(error?.code == .protocolViolation && error?.scope == .channel(1))
            try neighbour.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.sendRaw(Self.method(.basicConsumeOk, [2, 0xC3, 0x28], on: 1))
            try peer.expect(ChannelClose.self, on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.expectPrefetch(on: 2)
            try peer.finish()
        }
    }

    @Test func `properties that can not be read cost nothing else, also where octets are missing`() throws {
        var odd = BasicProperties(deliveryMode: 2, priority: 5, messageID: "m")
        odd[octets: .messageID] = Array("caf".utf8) + [0xE9]
        try Scripted.run { [odd] connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            let first = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            #expect(try first.properties == odd)
            #expect(try first.properties[octets: .messageID] == Array("caf".utf8) + [0xE9])
            let second = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            #expect(throws: WireError.self) { try second.properties }
            #expect(second.legibleProperties.contentType == "t")
            #expect(second.legibleProperties.deliveryMode == 2)
            #expect(second.legibleProperties.isCutShort)
            try channel.prefetch(1)
        } peer: { [odd] peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            let deliver = BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "q")
            try peer.sendContent(deliver, [1], on: 1, properties: odd)
            try peer.send(BasicDeliver(consumerTag: "c", deliveryTag: 2, exchange: "", routingKey: "q"), on: 1)
            let fixed: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            // content-type `t`, headers that run over the end, a mode and a priority.
            try peer.sendRaw(Octets.frame(2, 1, fixed + [0xB8, 0, 1, 0x74, 0, 0, 1, 0, 2, 5]))
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }
}
