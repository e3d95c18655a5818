import AMQPClient
import AMQPWire
import Testing
import TestSupport

@Suite struct ScriptedHandshakeTests {
    @Test func `C1 C7: connect, agree on the limits, close`() throws {
        var options = Scripted.options
        options.channelMax = 10
        options.heartbeatSeconds = 7
        try Scripted.run(options) { connection in
            #expect(connection.outbox.frameMax == 8192)
        } peer: { peer in
            let ok = try peer.handshake(channelMax: 2047, frameMax: 8192, heartbeat: 60)
            #expect(ok == ConnectionTuneOk(channelMax: 10, frameMax: 8192, heartbeat: 7))
            try peer.finish()
        }
    }

    @Test func `C5: the capabilities that the broker asks for`() throws {
        try Scripted.run { _ in
        } peer: { peer in
            let startOk = try peer.greet()
            guard case .table(let capabilities) = startOk.clientProperties["capabilities"] else {
                throw PeerFailure("no capabilities")
            }
            for name in ["authentication_failure_close", "consumer_cancel_notify", "connection.blocked"] {
                #expect(capabilities[name] == .bool(true), "\(name)")
            }
            try peer.send(ConnectionTune(channelMax: 1, frameMax: 8192, heartbeat: 0), on: 0)
            try peer.expect(ConnectionTuneOk.self, on: 0)
            try peer.expect(ConnectionOpen.self, on: 0)
            try peer.send(ConnectionOpenOk(), on: 0)
            try peer.finish()
        }
    }

    @Test func `C6: 403 during the login is the broker's error, answered with close-ok`() throws {
        let error = try Scripted.failure { peer in
            try peer.greet()
            try peer.send(
                ConnectionClose(replyCode: 403, replyText: "ACCESS_REFUSED - no", classID: 0, methodID: 0),
                on: 0
            )
            try peer.expect(ConnectionCloseOk.self, on: 0)
            try peer.expectEnd()
        }
        #expect(error?.code == AMQPError.Code(403))
        #expect(error?.scope == .connection)
        #expect(error?.text == "ACCESS_REFUSED - no")
    }

    @Test func `C6: the end of the stream after the credentials is a failed login`() throws {
        #expect(try Scripted.failure { try $0.greet() }?.code == .authenticationFailed)
    }

    @Test func `C6: the end of the stream after the limits is a failed negotiation`() throws {
        let error = try Scripted.failure { peer in
            try peer.greet()
            try peer.send(ConnectionTune(channelMax: 1, frameMax: 8192, heartbeat: 0), on: 0)
            try peer.expect(ConnectionTuneOk.self, on: 0)
            try peer.expect(ConnectionOpen.self, on: 0)
        }
        #expect(error?.code == .negotiationFailed)
    }

    @Test func `C2: a server of AMQP 1-0 is named`() throws {
        let error = try Scripted.failure { peer in
            try peer.sendRaw(Array("AMQP".utf8) + [3, 1, 0, 0])
        }
        #expect(error?.code == .protocolMismatch)
        #expect(error?.text.contains("3.1.0.0") == true)
    }

    @Test func `C2: a port for TLS is named, by its alert or by its silence`() throws {
        let alert = try Scripted.failure { peer in
            try peer.sendRaw([0x15, 3, 3, 0, 2, 2, 70])
        }
        #expect(alert?.code == .protocolMismatch)
        #expect(alert?.text.contains("use amqps://") == true)
        let silence = try Scripted.failure { _ in }
        #expect(silence?.code == .connectionLost)
        #expect(silence?.text.contains("use amqps://") == true)
    }

    @Test(arguments: [[UInt8]("AMQP".utf8) + [0, 0, 9, 1], []])
    func `C2: a port without TLS is named when TLS was asked for`(answer: [UInt8]) throws {
        let error = try PeerListener.run { peer in
            try peer.sendRaw(answer)
            if !answer.isEmpty { _ = try? peer.next() }  // until the client has gone
        } client: { endpoint in
            var endpoint = endpoint
            endpoint.tls = TLSOptions(verification: .none)
            return Scripted.error { [endpoint] () throws(AMQPError) in _ = try Scripted.connect(endpoint) }
        }
        #expect(error?.code == .tlsFailed)
        #expect(error?.description.contains("not speak TLS on this port") == true)
        #expect(error?.advice?.contains("amqp://") == true)
        #expect(error?.isTransient == answer.isEmpty)
    }

    enum Silence: CaseIterable { case afterAccept, afterStartOk, afterTuneOk }

    @Test(arguments: Silence.allCases)
    func `C11: a server that falls silent is given up by the one deadline`(_ silence: Silence) throws {
        var options = Scripted.options
        options.connectTimeout = .seconds(1)
        let start = MonotonicClock.now()
        let error = try PeerListener.run { peer in
            if silence != .afterAccept { try peer.greet() }
            if silence == .afterTuneOk {
                try peer.send(ConnectionTune(channelMax: 1, frameMax: 8192, heartbeat: 0), on: 0)
                try peer.expect(ConnectionTuneOk.self, on: 0)
                try peer.expect(ConnectionOpen.self, on: 0)
            }
            _ = try? peer.next()  // the protocol header is no frame: this waits for the end
        } client: { [options] endpoint in
            Scripted.error { () throws(AMQPError) in _ = try Scripted.connect(endpoint, options) }
        }
        #expect(error?.code == .timeout)
        let elapsed = MonotonicClock.now() - start
        #expect(elapsed >= 1_000_000_000)
        // Each step's own deadline, or none at all, would be `requestTimeout` or more.
        #expect(elapsed < options.requestTimeout.nanoseconds)
    }

    @Test
    func
        `C10: a login that needs more than the least frame is refused here`()
        throws
    {
        var options = Scripted.options
        options.clientProperties = ["note": .string(String(repeating: "x", count: 3000))]
        try Scripted.run(options) { _ in
        } peer: { peer in
            try peer.handshake()  // the start-ok of more than 3,000 octets fits
            try peer.finish()
        }
        options.clientProperties = ["note": .string(String(repeating: "x", count: 5000))]
        let error = try PeerListener.run { peer in
            #expect(throws: PeerFailure.self) { try peer.greet() }  // nothing comes but the end
        } client: { [options] endpoint in
            Scripted.error { () throws(AMQPError) in _ = try Scripted.connect(endpoint, options) }
        }
        #expect(error?.code == .invalidSettings)
        #expect(error?.text.contains("connection.start-ok") == true)
    }

    @Test func `C14: an idle client sends a heartbeat in half the interval`() throws {
        var options = Scripted.options
        options.heartbeatSeconds = 1
        try Scripted.run(options) { connection in
            let channel = try connection.openChannel()
            try channel.prefetch(1)  // answered once heartbeats have come
        } peer: { peer in
            try peer.handshake(heartbeat: 1)
            try peer.openChannels(1)
            try peer.expect(BasicQos.self, on: 1)
            var times: [UInt64] = []
            while peer.heartbeats < 5 {
                #expect(try peer.nextFrame().type == Frame.heartbeat)
                times.append(MonotonicClock.now())
                try peer.sendHeartbeat()
            }
            // Half a second each, and a tick of a tenth. On a busy machine some may be late, but not all.
            let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
            #expect(try #require(gaps.min()) < 800_000_000)
            try peer.send(BasicQosOk(), on: 1)
            try peer.finish()
        }
    }

    @Test func `C15: a silent peer is given up after two intervals`() throws {
        var options = Scripted.options
        options.heartbeatSeconds = 1
        try Scripted.run(options) { connection in
            let channel = try connection.openChannel()
            let start = MonotonicClock.now()
            let error = Scripted.error { () throws(AMQPError) in try channel.prefetch(1) }
            #expect(error?.code == .heartbeatMissed)
            #expect(MonotonicClock.now() - start > 1_800_000_000)
        } peer: { peer in
            try peer.handshake(heartbeat: 1)
            try peer.openChannels(1)
            try peer.expect(BasicQos.self, on: 1)
            try peer.expectEnd()
        }
    }

    @Test func `C41 C44: connection.close is answered, and every waiter ends with it`() throws {
        try Scripted.run { connection in
            let first = try connection.openChannel()
            let second = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in try second.prefetch(1) }
            #expect(error?.code == AMQPError.Code(320))
            #expect(error?.scope == .connection)
            #expect(Scripted.error { () throws(AMQPError) in try first.prefetch(1) } == error)
            #expect(Scripted.error { () throws(AMQPError) in _ = try connection.openChannel() } == error)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicQos.self, on: 2)
            try peer.send(ConnectionClose(replyCode: 320, replyText: "shutdown", classID: 0, methodID: 0), on: 0)
            try peer.expect(ConnectionCloseOk.self, on: 0)
            try peer.expectEnd()
        }
    }

    @Test func `C44: a close that is never answered ends by its deadline`() throws {
        try PeerListener.run { peer in
            try peer.handshake()
            try peer.expect(ConnectionClose.self, on: 0)
            try peer.expectEnd()
        } client: { endpoint in
            let connection = try Scripted.connect(endpoint)
            connection.close(timeout: .milliseconds(100))
            #expect(Scripted.error { () throws(AMQPError) in _ = try connection.openChannel() }?.code == .closedByOwner)
        }
    }

    @Test func `C44: the owner's close cuts short one that is under way`() throws {
        let isRefused = Monitor(false)
        try PeerListener.run { peer in
            try peer.handshake()
            try peer.send(ConnectionOpenOk(), on: 0)
            #expect(try peer.expect(ConnectionClose.self, on: 0).replyCode == 503)
            isRefused.withLock { $0 = true }
            isRefused.broadcast()
            try peer.expectEnd()  // within its five seconds, not the request timeout's sixty
        } client: { endpoint in
            let connection = try Scripted.connect(endpoint)
            _ = isRefused.wait(until: Scripted.deadline()) { $0 ? true : nil }
            connection.close(timeout: .milliseconds(100))
        }
    }

    @Test func `C22: a method out of turn on channel 0 is refused, and an unanswered close ends all the same`() throws {
        var options = Scripted.options
        options.requestTimeout = .seconds(1)
        try Scripted.run(options) { connection in
            let channel = try connection.openChannel()
            channel.pump { $0.isOpen }
            #expect(channel.endReason?.code == .protocolViolation)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.send(ConnectionOpenOk(), on: 0)
            #expect(try peer.expect(ConnectionClose.self, on: 0).replyCode == 503)
            try peer.expectEnd()
        }
    }
}
