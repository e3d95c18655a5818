import AMQPClient
import AMQPWire
import NIOPosix
import Testing
import TestSupport

/// Several endpoints: random order, each tried once, one error for each.
@Suite struct FailoverTests {
    private static func connect(_ endpoints: [Endpoint], _ seed: UInt64) throws(FailoverError) -> Connection {
        var generator = Seed(seed)
        return try Connection.connect(
            toAny: endpoints,
            options: Scripted.options,
            on: MultiThreadedEventLoopGroup.singleton,
            using: &generator
        )
    }

    private static func failure(_ endpoints: [Endpoint], _ seed: UInt64) -> FailoverError? {
        do throws(FailoverError) {
            _ = try Self.connect(endpoints, seed)
            return nil
        } catch {
            return error
        }
    }

    /// Nobody listens on ports this low.
    private static let nowhere = (1...4).map { Endpoint(host: "127.0.0.1", port: $0, password: "s3cret") }

    @Test(arguments: 1...8) func `the endpoint that works is found, wherever it stands`(seed: Int) throws {
        try PeerListener.run { peer in
            try peer.handshake()
            try peer.finish()
        } client: { endpoint in
            let connection = try Self.connect(Self.nowhere + [endpoint], UInt64(seed))
            #expect(connection.endpoint == endpoint)
            connection.close(timeout: .seconds(60))
        }
    }

    @Test func `one error for each endpoint, in the order of the attempts, without passwords`() throws {
        let error = try #require(Self.failure(Self.nowhere, 7))
        #expect(Set(error.failures.map(\.address)) == Set(Self.nowhere.map(\.address)))
        #expect(error.failures.allSatisfy { $0.error.code == .unreachable })
        #expect(error.isTransient)
        #expect(error.description.split(separator: "\n").count == 4)
        #expect(!error.description.contains("s3cret"))
    }

    @Test func `the order is random, and the generator's own`() {
        let orders = (1...20).map { seed in Self.failure(Self.nowhere, UInt64(seed))?.failures.map(\.address) }
        #expect(Set(orders).count > 5)
        #expect(orders[3] == Self.failure(Self.nowhere, 4)?.failures.map(\.address))
    }

    @Test func `C6: a refused login does not end the search`() throws {
        let error = try PeerListener.run { peer in
            try peer.greet()
            try peer.send(ConnectionClose(replyCode: 403, replyText: "no", classID: 0, methodID: 0), on: 0)
            try peer.expect(ConnectionCloseOk.self, on: 0)
            try peer.expectEnd()
        } client: { endpoint in
            Self.failure([endpoint] + Self.nowhere, 1)
        }
        #expect(Set(error?.failures.map(\.error.code) ?? []) == [AMQPError.Code(403), .unreachable])
    }

    @Test func `no endpoint at all`() { #expect(Self.failure([], 1)?.description.contains("no endpoint") == true) }
}
