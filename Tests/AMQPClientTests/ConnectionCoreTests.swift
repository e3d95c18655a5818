import AMQPClient
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
}
