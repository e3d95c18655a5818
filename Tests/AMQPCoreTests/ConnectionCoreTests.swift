import AMQPCore
import AMQPWire
import TestSupport
import Testing

/// The core by its inputs alone: octets and times.
@Suite struct ConnectionCoreTests {
    private static let second: UInt64 = 1_000_000_000

    private static func core(_ host: SimulatedHost, connectTimeout: Duration, now: UInt64) -> ConnectionCore {
        ConnectionCore(
            settings: HandshakeSettings(user: "u", password: "p", virtualHost: "/"),
            options: ConnectionOptions(connectTimeout: connectTimeout),
            outbox: Outbox(transport: MemoryTransport(), highWater: 64 * 1024),
            host: host,
            now: now
        )
    }

    @Test func `C11: what TCP has used of the connect timeout is gone for the handshake`() {
        let host = SimulatedHost()
        // Connecting began at 0 and took nine of the ten seconds.
        let core = Self.core(host, connectTimeout: .seconds(10), now: 9 * Self.second)
        core.start(dueBy: 10 * Self.second)
        core.tick(now: 10 * Self.second - 1)
        #expect(host.ends.isEmpty)
        core.tick(now: 10 * Self.second)
        #expect(host.ends.map(\.code) == [.timeout])
    }

    @Test func `C11: progress in the handshake moves the deadline no further`() throws {
        let host = SimulatedHost()
        let core = Self.core(host, connectTimeout: .seconds(10), now: 0)
        core.start()
        let start = ConnectionStart(mechanisms: Array("PLAIN".utf8), locales: Array("en_US".utf8))
        core.read(ReadBuffer.block(try Octets.method(start, on: 0)), now: 4 * Self.second)
        let tune = ConnectionTune(channelMax: 1, frameMax: 8192, heartbeat: 0)
        core.read(ReadBuffer.block(try Octets.method(tune, on: 0)), now: 9 * Self.second)
        core.tick(now: 10 * Self.second - 1)
        #expect(host.ends.isEmpty)
        #expect(!host.isOpen)
        core.tick(now: 10 * Self.second)
        #expect(host.ends.map(\.code) == [.timeout])
    }
}
