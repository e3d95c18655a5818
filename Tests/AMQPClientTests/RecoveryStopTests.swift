import AMQPClient
import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// A recovering connection that is stopped with little time, at a broker that says nothing.
@Suite(.timeLimit(.minutes(5)))
struct RecoveryStopTests {
    /// Less than a connect or a close is waited for.
    private static let limit: UInt64 = 4_000_000_000

    private func stop(_ script: @escaping @Sendable (ScriptedPeer) throws -> Void) throws {
        let (isThere, isOver) = (Latch(), Latch())
        try PeerListener.run { peer in
            try script(peer)
            isThere.open()
            _ = isOver.wait()
        } client: { endpoint in
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            defer { try? group.syncShutdownGracefully() }
            let connection = RecoveringConnection(
                to: [endpoint],
                options: ConnectionOptions(connectTimeout: .seconds(50)),
                on: group,
                logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
            )
            defer {
                isOver.open()
                // It ends by itself when the broker has gone.
                #expect(throws: AMQPError.self) { try connection.connection(timeout: .seconds(60)) }
            }
            try connection.startInBackground()
            #expect(isThere.wait())
            let began = MonotonicClock.now()
            _ = connection.stop(until: began + 50_000_000)
            #expect(MonotonicClock.now() - began < Self.limit)
        }
    }

    @Test func `a connect that gets no answer is left`() throws { try self.stop { _ in } }

    @Test func `so is a close`() throws { try self.stop { try $0.handshake() } }

    @Test func `one that can end is waited for`() throws {
        try PeerListener.run { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.finish()
        } client: { endpoint in
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            defer { try? group.syncShutdownGracefully() }
            let connection = RecoveringConnection(
                to: [endpoint],
                on: group,
                logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
            )
            try connection.start(timeout: .seconds(60))
            #expect(connection.stop(until: MonotonicClock.now() + 60_000_000_000))
        }
    }
}
