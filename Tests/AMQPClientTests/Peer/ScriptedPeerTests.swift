import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Waits for the end of a connection.
private final class EndWatch: ConnectionDelegate {
    private let monitor = Monitor<AMQPError?>(nil)

    func connectionBlocked(reason: String) {}
    func connectionUnblocked() {}
    func connectionEnded(_ error: AMQPError) {
        self.monitor.withLock { $0 = error }
        self.monitor.signal()
    }

    func awaitEnd() -> AMQPError? {
        self.monitor.wait(until: MonotonicClock.deadline(in: .seconds(20))) { $0 }
    }
}

/// The client against a peer that plays what RabbitMQ never or rarely shows.
@Suite struct ScriptedPeerTests {
    private func connect(
        _ peer: ScriptedPeer,
        _ change: (inout ConnectionOptions) -> Void = { _ in }
    ) throws -> Connection {
        try Broker.connect(to: Endpoint(host: "127.0.0.1", port: peer.port)) { options in
            options.heartbeatSeconds = 0
            change(&options)
        }
    }

    private func failure(_ body: () throws -> Void) -> AMQPError? {
        do {
            try body()
            return nil
        } catch {
            return error as? AMQPError
        }
    }

    private static func close(_ code: ReplyCode, _ text: String = "x") -> ChannelClose {
        ChannelClose(replyCode: code, replyText: text, classID: 50, methodID: 10)
    }

    @Test func `C1 C7 C13: handshake, agreed limits on the wire, close`() throws {
        let peer = try ScriptedPeer { peer in
            guard case .connectionTuneOk(let ok) = try peer.handshake(channelMax: 7, frameMax: 8192, heartbeat: 60)
            else {
                return
            }
            guard ok.channelMax == 7, ok.frameMax == 8192, ok.heartbeat == 20 else {
                throw ScriptedPeer.Failure(description: "\(ok)")
            }
            try peer.acceptClose()
            try peer.expectEnd()
        }
        let connection = try self.connect(peer) { $0.heartbeatSeconds = 20 }
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `C6: a close during the handshake is the typed reason`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.greet()
            try peer.send(ConnectionClose(replyCode: .accessRefused, replyText: "no", classID: 0, methodID: 0), on: 0)
            try peer.expect(.connectionCloseOk, on: 0)
        }
        #expect(self.failure { _ = try self.connect(peer) }?.code.rawValue == 403)
        #expect(peer.finish() == nil)
    }

    @Test func `C6: the socket's end after the credentials is a probable login failure`() throws {
        let peer = try ScriptedPeer { try $0.greet() }
        #expect(self.failure { _ = try self.connect(peer) }?.code == .authenticationFailed)
        #expect(peer.finish() == nil)
    }

    @Test func `C2: a server of another protocol`() throws {
        let peer = try ScriptedPeer { try $0.sendRaw(Array("AMQP".utf8) + [3, 1, 0, 0]) }
        #expect(self.failure { _ = try self.connect(peer) }?.code == .protocolMismatch)
        #expect(peer.finish() == nil)
    }

    @Test func `C11: a server that says nothing is left at the deadline`() throws {
        let peer = try ScriptedPeer { try $0.swallow() }
        let error = self.failure { _ = try self.connect(peer) { $0.connectTimeout = .milliseconds(200) } }
        #expect(error?.code == .timeout)
    }

    @Test func `C35 C36 C38 C42: a closed channel is answered once, its neighbour goes on`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.acceptChannel(2)
            try peer.expect(.basicQos, on: 1)
            try peer.send(Self.close(.preconditionFailed), on: 1)
            try peer.send(Self.close(.preconditionFailed), on: 1)
            try peer.expect(.channelCloseOk, on: 1)
            try peer.send(Self.close(.preconditionFailed), on: 1)
            try peer.deliver(5, on: 1)  // C37: deliveries go on after a close
            try peer.expect(.basicQos, on: 2)
            try peer.send(BasicQosOk(), on: 2)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer)
        let first = try connection.openChannel()
        let second = try connection.openChannel()
        let error = self.failure { try first.prefetch(1) }
        #expect(error?.code.rawValue == 406)
        #expect(error?.scope == .channel(1))
        #expect(self.failure { try first.prefetch(1) } == error)
        try second.prefetch(1)
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `C39 C40: closes that cross; the number is used again only after theirs`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake(channelMax: 1)
            try peer.acceptChannel(1)
            try peer.expect(.channelClose, on: 1)
            try peer.send(Self.close(.notFound), on: 1)
            try peer.expect(.channelCloseOk, on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.acceptChannel(1)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer)
        let channel = try connection.openChannel()
        #expect(self.failure { _ = try connection.openChannel() }?.code == .channelsExhausted)
        channel.close()
        let next = try connection.openChannel()
        #expect(next.number == 1)
        #expect(next.incarnation != channel.incarnation)
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `C63: a request that is not answered in time closes the channel, a late answer meets nobody`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.expect(.basicQos, on: 1)
            try peer.expect(.channelClose, on: 1)
            try peer.send(BasicQosOk(), on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.acceptChannel(2)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer) { $0.requestTimeout = .milliseconds(100) }
        let channel = try connection.openChannel()
        #expect(self.failure { try channel.prefetch(1) }?.code == .timeout)
        #expect(!channel.isOpen)
        _ = try connection.openChannel()
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `an answer that nobody asked for ends the connection with 503, every channel with it`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.acceptChannel(2)
            try peer.send(QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0), on: 1)
            guard case .connectionClose(let close) = try peer.expect(.connectionClose, on: 0),
                close.replyCode == .commandInvalid
            else { throw ScriptedPeer.Failure(description: "not 503") }
        }
        let connection = try self.connect(peer)
        let first = try connection.openChannel()
        let second = try connection.openChannel()
        #expect(self.failure { _ = try first.nextDelivery() }?.code == .protocolViolation)
        #expect(self.failure { _ = try second.nextDelivery() }?.scope == .connection)
        #expect(peer.finish() == nil)
    }

    @Test func `C41 C45: confirms that are pending when the channel ends are unknown, not refused`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.expect(.confirmSelect, on: 1)
            try peer.send(ConfirmSelectOk(), on: 1)
            for _ in 0..<3 { try peer.expectPublish(on: 1) }
            try peer.send(BasicAck(deliveryTag: 1, multiple: false), on: 1)
            try peer.send(Self.close(.notFound), on: 1)
            try peer.expect(.channelCloseOk, on: 1)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer)
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for _ in 0..<3 { try channel.publish([1], routingKey: "q") }
        #expect(self.failure { _ = try channel.awaitConfirms(timeout: .seconds(10)) }?.code.rawValue == 404)
        #expect(channel.takeVerdicts().map(\.verdict) == [.confirmed, .unknown, .unknown])
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `C48 C49: confirms out of order, a refusal, a return before its ack`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.expect(.confirmSelect, on: 1)
            try peer.send(ConfirmSelectOk(), on: 1)
            var last = BasicProperties()
            for _ in 0..<5 { last = try peer.expectPublish(on: 1).properties }
            try peer.send(BasicAck(deliveryTag: 4, multiple: false), on: 1)
            try peer.send(BasicNack(deliveryTag: 2, multiple: true), on: 1)
            try peer.sendContent(
                BasicReturn(replyCode: .noRoute, replyText: "NO_ROUTE", exchange: "", routingKey: "q"),
                [5],
                properties: last,
                on: 1
            )
            try peer.send(BasicAck(deliveryTag: 5, multiple: true), on: 1)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer)
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for number in 1...5 { try channel.publish([UInt8(number)], routingKey: "q", mandatory: true) }
        #expect(try channel.awaitConfirms(timeout: .seconds(10)) == [1, 2, 5])
        #expect(channel.takeReturnedMessages().map(\.body) == [[5]])
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `C56: the server's basic.cancel is told and never answered`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.send(BasicCancel(consumerTag: "c", noWait: true), on: 1)
            try peer.expect(.basicQos, on: 1)
            try peer.send(BasicQosOk(), on: 1)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer)
        let channel = try connection.openChannel()
        while channel.cancelledConsumers.isEmpty {
            #expect(channel.pump(until: MonotonicClock.deadline(in: .seconds(10))))
        }
        try channel.prefetch(1)
        #expect(channel.takeCancelledConsumers() == ["c"])
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `C65: channel.flow pauses the contents of one channel and is answered`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.expect(.channelOpen, on: 2)
            try peer.send(ChannelFlow(active: false), on: 1)
            try peer.send(ChannelOpenOk(), on: 2)  // once it is here, the pause has come
            try peer.expect(.channelFlowOk, on: 1)
            try peer.expectPublish(on: 2)  // the neighbour publishes, channel 1 does not
            try peer.send(ChannelFlow(active: true), on: 1)
            try peer.expect(.channelFlowOk, on: 1)
            try peer.expectPublish(on: 1)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer)
        let paused = try connection.openChannel()
        let neighbour = try connection.openChannel()
        try neighbour.publish([2], routingKey: "q")
        try paused.publish([1], routingKey: "q")
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `C51: while the connection is blocked acks go out and publishes wait`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.send(ConnectionBlocked(reason: "low on memory"), on: 0)
            try peer.deliver(1, on: 1)
            try peer.expect(.basicAck, on: 1)
            try peer.send(ConnectionUnblocked(), on: 0)
            try peer.expectPublish(on: 1)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer)
        let channel = try connection.openChannel()
        let delivery = try #require(try channel.nextDelivery(timeout: .seconds(10)))
        try channel.ack(delivery)
        try channel.publish([1], routingKey: "q")
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `C14 C15: heartbeats go out in time, and a silent peer is given up`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake(heartbeat: 1)
            for _ in 0..<2 {
                let frame = try peer.receiveAny()
                guard frame.type == Frame.heartbeat, frame.channel == 0, frame.payload.isEmpty else {
                    throw ScriptedPeer.Failure(description: "no heartbeat")
                }
            }
            try peer.expectEnd()
        }
        let watch = EndWatch()
        let connection = try Broker.connect(
            to: Endpoint(host: "127.0.0.1", port: peer.port),
            { $0.heartbeatSeconds = 1 },
            delegate: watch
        )
        #expect(watch.awaitEnd()?.code == .heartbeatMissed)
        #expect(self.failure { _ = try connection.openChannel() }?.code == .heartbeatMissed)
        #expect(peer.finish() == nil)
    }

    @Test func `C41 C44: the server's connection.close is answered and ends every channel once`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.acceptChannel(2)
            try peer.send(
                ConnectionClose(replyCode: .connectionForced, replyText: "bye", classID: 0, methodID: 0),
                on: 0
            )
            try peer.expect(.connectionCloseOk, on: 0)
            try peer.expectEnd()
        }
        let connection = try self.connect(peer)
        for channel in [try connection.openChannel(), try connection.openChannel()] {
            #expect(self.failure { _ = try channel.nextDelivery() }?.code.rawValue == 320)
        }
        #expect(self.failure { _ = try connection.openChannel() }?.code.rawValue == 320)
        #expect(peer.finish() == nil)
    }

    @Test func `C44: a close that is never answered ends at its deadline`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.expect(.connectionClose, on: 0)
            try peer.expectEnd()
        }
        let connection = try self.connect(peer)
        connection.close(timeout: .milliseconds(100))
        #expect(peer.finish() == nil)
    }

    @Test func `C20 C27 C53: what AMQP can not carry, and a double ack, are refused with nothing sent`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake()
            try peer.acceptChannel(1)
            try peer.deliver(1, on: 1)
            try peer.expect(.basicAck, on: 1)
            try peer.expectPublish(on: 1)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer)
        let channel = try connection.openChannel()
        let delivery = try #require(try channel.nextDelivery(timeout: .seconds(10)))
        try channel.ack(delivery)
        #expect(self.failure { try channel.ack(delivery) }?.code == .refusedLocally)
        let longKey = String(repeating: "k", count: 256)
        #expect(self.failure { try channel.publish([1], routingKey: longKey) }?.code == .refusedLocally)
        try channel.publish([1], routingKey: String(repeating: "k", count: 255))
        connection.close()
        #expect(peer.finish() == nil)
    }

    @Test func `C54: the ack of a dead channel's delivery is not sent on the next one`() throws {
        let peer = try ScriptedPeer { peer in
            try peer.handshake(channelMax: 1)
            try peer.acceptChannel(1)
            try peer.deliver(1, on: 1)
            try peer.send(Self.close(.preconditionFailed), on: 1)
            try peer.expect(.channelCloseOk, on: 1)
            try peer.acceptChannel(1)
            try peer.expect(.basicQos, on: 1)
            try peer.send(BasicQosOk(), on: 1)
            try peer.acceptClose()
        }
        let connection = try self.connect(peer)
        let first = try connection.openChannel()
        let delivery = Delivery(
            block: Block(bytes: UnsafeRawBufferPointer(start: nil, count: 0), owner: self.owner),
            record: ContentRecord(deliveryTag: 1, redelivered: false, method: 0..<0, header: 0..<0, body: 0..<0),
            incarnation: first.incarnation
        )
        while first.isOpen { first.pump(until: MonotonicClock.deadline(in: .seconds(10))) }
        let second = try connection.openChannel()
        try second.ack(delivery)
        try second.prefetch(1)
        connection.close()
        #expect(peer.finish() == nil)
    }
    private final class Owner {}
    private let owner: AnyObject = Owner()
}
