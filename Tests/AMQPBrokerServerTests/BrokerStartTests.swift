import AMQPBroker
import AMQPBrokerServer
import AMQPClient
import AMQPCore
import AMQPWire
import NIOCore
import Testing
import TestSupport

/// How long it takes to have a broker, with room for a busy machine and a debug build; `swift run -c release BrokerSpeed`
/// measures.
@Suite(.serialized) struct BrokerStartTests {
    @Test func `a broker takes connections as soon as it is started`() async throws {
        let clock = ContinuousClock()
        var best = Duration.seconds(60)
        for _ in 0..<20 where best > .seconds(1) {
            let start = clock.now
            let server = try await BrokerServer.start()
            let endpoint = Endpoint(host: "127.0.0.1", port: server.port)
            _ = try await OwnThread.run { try RawClient(greetedBy: endpoint).greeting.serverProperties }
            best = min(best, clock.now - start)
            await server.stop()
        }
        // Alone it is a few milliseconds; beside a thousand other tests it is not.
        #expect(best <= .seconds(1))
    }

    @Test(.timeLimit(.minutes(5)))
    func `who asks a server that has been stopped is told so, and a second stop returns`() async throws {
        let server = try await BrokerServer.start()
        #expect(try await server.with { broker, _ in broker.counts.delivered } == 0)
        await server.stop()
        await #expect(throws: ChannelError.alreadyClosed) {
            try await server.with { broker, _ in broker.counts.delivered }
        }
        await server.stop()
    }

    @Test func `a hundred brokers, each with a client and a message, take no time to speak of`() async throws {
        let clock = ContinuousClock()
        var best = Duration.seconds(60)
        for _ in 0..<10 where best > .seconds(10) {
            let start = clock.now
            for _ in 0..<100 { try Self.useOne() }
            best = min(best, clock.now - start)
        }
        #expect(best <= .seconds(10))
    }

    private static func useOne() throws {
        var broker = EmbeddedBroker(now: 0)
        let client = broker.connect(now: 0)
        var octets = Frame.protocolHeader
        octets += try Octets.method(
            ConnectionStartOk(mechanism: "PLAIN", response: Array("\0guest\0guest".utf8)),
            on: 0
        )
        octets += try Octets.method(ConnectionTuneOk(channelMax: 10, frameMax: 8192, heartbeat: 0), on: 0)
        octets += try Octets.method(ConnectionOpen(virtualHost: "/"), on: 0)
        octets += try Octets.method(ChannelOpen(), on: 1)
        octets += try Octets.method(QueueDeclare(queue: "q"), on: 1)
        octets += try Octets.content(BasicPublish(routingKey: "q"), [1], on: 1)
        octets += try Octets.method(BasicGet(queue: "q", noAck: true), on: 1)
        broker.receive(octets, from: client, now: 0)
        #expect(broker.counts.delivered == 1)
    }
}
