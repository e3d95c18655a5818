import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Whoever waits is woken once, with the reason, whatever ends its channel (C41).
@Suite struct ScriptedWaiterTests {
    enum Waiter: CaseIterable { case request, get, delivery, confirms, room, commit, close }
    enum Ending: CaseIterable { case channelClose, connectionClose, endOfFile }

    @Test(arguments: Waiter.allCases, Ending.allCases)
    func `C41: whoever waits on a channel is ended once, with the reason`(_ waiter: Waiter, _ ending: Ending) throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in try Self.wait(waiter, on: channel) }
            #expect(!channel.isOpen)
            if waiter == .close {
                #expect(error == nil)  // it is closed, whoever was first
            } else {
                #expect(error == channel.endReason)
                #expect(error?.code == Self.code(of: ending))
                #expect(error?.scope == (ending == .channelClose ? .channel(1) : .connection))
            }
            let later = Scripted.error { () throws(AMQPError) in try channel.prefetch(1) }
            #expect(later == channel.endReason)
            guard ending == .channelClose else { return }
            try connection.openChannel().close()  // the neighbours did not notice
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try Self.expect(waiter, peer)
            switch ending {
            case .channelClose:
                try peer.send(Self.refusal, on: 1)
                try peer.expect(ChannelCloseOk.self, on: 1)
                if waiter == .close { try peer.send(ChannelCloseOk(), on: 1) }
                try peer.openChannels(2)
                try peer.expect(ChannelClose.self, on: 2)
                try peer.send(ChannelCloseOk(), on: 2)
                try peer.finish()
            case .connectionClose:
                try peer.send(
                    ConnectionClose(replyCode: 320, replyText: "CONNECTION_FORCED", classID: 0, methodID: 0),
                    on: 0
                )
                try peer.expect(ConnectionCloseOk.self, on: 0)
            case .endOfFile: break
            }
        }
    }

    private static let refusal = ChannelClose(
        replyCode: 404,
        replyText: "NOT_FOUND - no queue",
        classID: 0,
        methodID: 0
    )

    private static func code(of ending: Ending) -> AMQPError.Code {
        switch ending {
        case .channelClose: AMQPError.Code(.notFound)
        case .connectionClose: AMQPError.Code(.connectionForced)
        case .endOfFile: .connectionLost
        }
    }

    private static func wait(_ waiter: Waiter, on channel: Channel) throws(AMQPError) {
        switch waiter {
        case .request: try channel.prefetch(1)
        case .get: _ = try channel.get("q")
        case .delivery:
            try channel.consume("q", tag: "c")
            _ = try channel.nextDelivery(timeout: .seconds(60))
        case .confirms:
            try channel.selectConfirms()
            try channel.publish([1], routingKey: "q")
            #expect(try channel.awaitConfirms(timeout: .seconds(60)).map(\.reason) == [.unknown])
            if let reason = channel.endReason { throw reason }
        case .room:
            try channel.prefetch(1)  // its answer comes behind connection.blocked
            try channel.publish(OutgoingMessage([1], routingKey: "q"), timeout: .seconds(60))
        case .commit:
            try channel.selectTransactions()
            try channel.commit()
        case .close: channel.close()
        }
    }

    private static func expect(_ waiter: Waiter, _ peer: ScriptedPeer) throws {
        switch waiter {
        case .request: try peer.expect(BasicQos.self, on: 1)
        case .get: try peer.expect(BasicGet.self, on: 1)
        case .delivery:
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
        case .confirms:
            try peer.expect(ConfirmSelect.self, on: 1)
            try peer.send(ConfirmSelectOk(), on: 1)
            _ = try peer.expectPublish(on: 1)
        case .room:
            try peer.expect(BasicQos.self, on: 1)
            try peer.send(ConnectionBlocked(reason: "low on memory"), on: 0)
            try peer.send(BasicQosOk(), on: 1)
        case .commit:
            try peer.expect(TxSelect.self, on: 1)
            try peer.send(TxSelectOk(), on: 1)
            try peer.expect(TxCommit.self, on: 1)
        case .close: try peer.expect(ChannelClose.self, on: 1)
        }
    }

    // MARK: Late answers

    @Test func `C63: the late answer to a get is nobody's, and its message is not taken for another's`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            channel.requestTimeout = .milliseconds(50)
            let error = Scripted.error { () throws(AMQPError) in _ = try channel.get("q") }
            #expect(error?.code == .timeout)
            #expect(error?.method == .basicGet)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicGet.self, on: 1)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.sendContent(
                BasicGetOk(deliveryTag: 1, redelivered: false, exchange: "", routingKey: "q", messageCount: 0),
                [1],
                on: 1
            )
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.finish()
        }
    }

    @Test func `C63: a channel given up while it opened is closed, and its number comes free with close-ok alone`()
        throws
    {
        var options = Scripted.options
        options.requestTimeout = .milliseconds(50)
        try Scripted.run(options) { connection in
            #expect(Scripted.error { () throws(AMQPError) in _ = try connection.openChannel() }?.code == .timeout)
        } peer: { peer in
            try peer.handshake()
            try peer.expect(ChannelOpen.self, on: 1)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.send(ChannelOpenOk(), on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.finish()
        }
    }

    @Test func `C40 C63: a close that is not answered in time ends for its caller, and the number waits for close-ok`()
        throws
    {
        let isClosed = Monitor(false)
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            channel.requestTimeout = .milliseconds(50)
            channel.close()
            #expect(!channel.isOpen)
            isClosed.withLock { $0 = true }
            isClosed.broadcast()
            _ = try connection.openChannel()
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(ChannelClose.self, on: 1)
            _ = isClosed.wait(until: Scripted.deadline()) { $0 ? true : nil }
            try peer.openChannels(2)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.finish()
        }
    }

    @Test func `C51 C63: on a blocked connection a request outlives its timeout, since nothing can be answered`() throws
    {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.prefetch(1)  // its answer comes behind connection.blocked
            channel.requestTimeout = .milliseconds(50)
            try channel.prefetch(2)
            #expect(channel.isOpen)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicQos.self, on: 1)
            try peer.send(ConnectionBlocked(reason: "low on memory"), on: 0)
            try peer.send(BasicQosOk(), on: 1)
            try peer.expect(BasicQos.self, on: 1)
            // Nothing for three timeouts; a close of the channel would be the next frame.
            #expect(try !peer.comesSomething(within: .milliseconds(150)))
            // While it is blocked: afterwards the request would have no more time than any other.
            try peer.send(BasicQosOk(), on: 1)
            try peer.send(ConnectionUnblocked(), on: 0)
            try peer.finish()
        }
    }

    @Test func `C51 C63: an owner that does not outwait a blocked broker has its answer by the timeout`() throws {
        var options = Scripted.options
        options.requestTimeout = .milliseconds(50)
        try Scripted.run(options) { connection in
            let error = Scripted.error { () throws(AMQPError) in
                _ = try connection.openChannel(outwaitsBlocks: false)
            }
            #expect(error?.code == .timeout)
            #expect(connection.isBlocked)
        } peer: { peer in
            try peer.handshake()
            try peer.send(ConnectionBlocked(reason: "low on memory"), on: 0)
            try peer.expect(ChannelOpen.self, on: 1)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.finish()
        }
    }

    @Test func `declaring a topology stops between two entities when its owner stops`() throws {
        try Scripted.run { connection in
            let topology = RecordedTopology()
            for name in ["a", "b", "c"] { topology.queue(name) }
            var asked = 0
            let error = Scripted.error { () throws(AMQPError) in
                _ = try topology.declareAll(on: connection) {
                    asked += 1
                    return asked > 1
                }
            }
            #expect(error?.code == .closedByOwner)
            #expect(asked == 2)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(QueueDeclare.self, on: 1)
            try peer.send(QueueDeclareOk(queue: "a", messageCount: 0, consumerCount: 0), on: 1)
            try peer.finish()
        }
    }

    // MARK: Transactions

    @Test func `C64: between commit and commit-ok nothing of the channel is sent, not even by the tick`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.selectTransactions()
            try channel.consume("q", tag: "c")
            let first = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            let second = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            try channel.ack(first)
            try channel.startCommit()
            try channel.ack(second)
            channel.sendAcks()
            channel.pump { !$0.finishCommit() }
            try channel.commit()
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(TxSelect.self, on: 1)
            try peer.send(TxSelectOk(), on: 1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            for tag in 1...2 as ClosedRange<UInt64> {
                let deliver = BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q")
                try peer.sendContent(deliver, [1], on: 1)
            }
            try peer.expect(BasicAck.self, on: 1)
            try peer.expect(TxCommit.self, on: 1)
            // Three ticks of the event loop long.
            #expect(try !peer.comesSomething(within: .milliseconds(300)))
            try peer.send(TxCommitOk(), on: 1)
            try peer.expect(BasicAck.self, on: 1)
            try peer.expect(TxCommit.self, on: 1)
            try peer.send(TxCommitOk(), on: 1)
            try peer.finish()
        }
    }
}
