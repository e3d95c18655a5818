import AMQPBroker
import AMQPWire
import Testing
import TestSupport

/// From the first octet to the last, octets in and octets out.
@Suite struct HandshakeTests {
    @Test func `a client that speaks another protocol is told which one is spoken, and the socket is closed (C2)`() {
        let client = Rig().raw()
        client.sendRaw(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        #expect(client.octets == Frame.protocolHeader)
        #expect(client.isClosed)
    }

    @Test func `the handshake goes the same way wherever reads cut it`() throws {
        let rig = Rig()
        let client = rig.raw()
        for octet in Frame.protocolHeader { client.sendRaw([octet]) }
        try client.expect(.connectionStart)
        let login = ConnectionStartOk(mechanism: "PLAIN", response: Array("\0guest\0guest".utf8))
        for octet in try Octets.method(login, on: 0) { client.sendRaw([octet]) }
        guard case .connectionTune(let tune) = try client.expect(.connectionTune) else { return }
        #expect(tune == ConnectionTune(channelMax: 2047, frameMax: 131_072, heartbeat: 60))
    }

    @Test func `a wrong password is 403 for who understands it, and 3 seconds of silence for others (C5)`() throws {
        let rig = Rig()
        let client = rig.raw()
        client.sendRaw(Frame.protocolHeader)
        try client.expect(.connectionStart)
        try client.logIn(password: "wrong")
        #expect(try client.closeCode().code == 403)

        let other = rig.raw()
        other.sendRaw(Frame.protocolHeader)
        try other.expect(.connectionStart)
        try other.send(ConnectionStartOk(mechanism: "PLAIN", response: Array("\0guest\0no".utf8)), on: 0)
        rig.pass(2_999)
        #expect(!other.isClosed)
        rig.pass(1)
        #expect(other.isClosed)
        #expect(other.seen.isEmpty)
    }

    @Test func `a virtual host that is not there is 530 (C12)`() throws {
        let rig = Rig()
        #expect(throws: PeerFailure.self) { _ = try rig.connect(vhost: "nope") }
        let client = rig.raw()
        client.sendRaw(Frame.protocolHeader)
        try client.expect(.connectionStart)
        try client.logIn()
        try client.expect(.connectionTune)
        try client.send(ConnectionTuneOk(channelMax: 2047, frameMax: 131_072, heartbeat: 0), on: 0)
        try client.send(ConnectionOpen(virtualHost: "nope"), on: 0)
        #expect(try client.closeCode() == (530, "NOT_ALLOWED - vhost nope not found"))
    }

    @Test(arguments: [(4095 as UInt32, 2047 as UInt16), (200_000, 2047), (0, 2047), (131_072, 0), (131_072, 9999)])
    func `limits beyond those offered end in silence (C8)`(frameMax: UInt32, channelMax: UInt16) throws {
        let rig = Rig()
        let client = rig.raw()
        client.sendRaw(Frame.protocolHeader)
        try client.expect(.connectionStart)
        try client.logIn()
        try client.expect(.connectionTune)
        try client.send(ConnectionTuneOk(channelMax: channelMax, frameMax: frameMax, heartbeat: 0), on: 0)
        try client.send(ConnectionOpen(virtualHost: "/"), on: 0)
        rig.pass(3_000)
        #expect(client.isClosed)
        #expect(client.seen.isEmpty)
    }

    @Test func `heartbeats come after half their time, and silence of three times ends the connection (C15)`() throws {
        let rig = Rig()
        let client = try rig.connect(heartbeat: 10)
        rig.pass(5_000)
        #expect(client.heartbeats == 1)
        client.sendRaw([8, 0, 0, 0, 0, 0, 0, 0xCE])
        rig.pass(29_999)
        #expect(!client.isClosed)
        rig.pass(1)
        #expect(client.isClosed)
    }

    @Test func `a handshake that takes too long is ended`() {
        let rig = Rig()
        let client = rig.raw()
        rig.pass(10_000)
        #expect(client.isClosed)
    }

    @Test func `frames on a channel that is not open end the connection (C31)`() throws {
        let client = try Rig().connect()
        try client.send(ChannelCloseOk(), on: 7)
        #expect(try client.closeCode() == (504, "CHANNEL_ERROR - expected 'channel.open'"))
        try client.send(ConnectionCloseOk(), on: 0)
        #expect(client.isClosed)
    }

    @Test func `a method in the middle of a content is 505 (C25)`() throws {
        let client = try Rig().connect()
        try client.open(1)
        try client.send(BasicPublish(routingKey: "q"))
        try client.send(BasicAck(deliveryTag: 1))
        #expect(try client.closeCode().code == 505)
    }

    @Test func `octets that are no frames are 501, a method that nobody knows is a cut (C21 C28)`() throws {
        let rig = Rig()
        let client = try rig.connect()
        client.sendRaw([9, 0, 0, 0, 0, 0, 0, 0xCE])
        #expect(try client.closeCode().code == 501)
        let other = try rig.connect()
        try other.open(1)
        other.sendRaw(Octets.frame(1, 1, [0, 60, 0, 99]))
        #expect(other.isClosed)
    }
}
