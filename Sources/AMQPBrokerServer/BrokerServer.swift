public import AMQPBroker
public import NIOCore
import NIOPosix
import Synchronization

/// An embedded broker on a socket: a thin layer of NIO around the value.
///
/// One event loop does everything, so that the broker needs no lock. What it holds is in memory and gone when it stops.
public final class BrokerServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    let hall: BrokerHall
    private let door: any Channel
    /// Held while something is handed to the event loop: what was handed over before its end is done before it.
    private let hasStopped = Mutex<Bool>(false)
    /// Where it listens.
    public let address: SocketAddress

    private init(group: MultiThreadedEventLoopGroup, hall: BrokerHall, door: any Channel, address: SocketAddress) {
        self.group = group
        self.hall = hall
        self.door = door
        self.address = address
    }

    /// Starts a broker that listens.
    ///
    /// - Throws: What the system says of the place.
    public static func start(
        _ settings: BrokerSettings = BrokerSettings(),
        at place: BrokerPlace = .loopback
    ) async throws -> BrokerServer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let hall = BrokerHall(settings, on: group.next())
        do {
            let bootstrap = ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.backlog, value: 256)
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 131_072)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(BrokerDoorHandler(hall))
                    }
                }
            let door =
                switch place {
                case .tcp(let host, let port): try await bootstrap.bind(host: host, port: port).get()
                case .unix(let path): try await bootstrap.bind(unixDomainSocketPath: path).get()
                }
            guard let address = door.localAddress else { throw ChannelError.unknownLocalAddress }
            return BrokerServer(group: group, hall: hall, door: door, address: address)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// The port that it listens on; 0 for a Unix socket.
    public var port: Int { self.address.port ?? 0 }

    /// Closes all sockets; what the broker held is gone.
    ///
    /// Once is enough.
    public func stop() async {
        let isFirst = self.hasStopped.withLock { hasStopped in
            defer { hasStopped = true }
            return !hasStopped
        }
        guard isFirst else { return }
        try? await self.door.close().get()
        try? await self.group.shutdownGracefully()
    }

    /// Looks at the broker, or changes it, between two reads.
    ///
    /// - Parameter body: Is given the broker and the time.
    /// - Returns: What `body` gives.
    /// - Throws: If the server has been stopped.
    public func with<R: Sendable>(
        _ body: @escaping @Sendable (inout EmbeddedBroker, UInt64) -> R
    ) async throws -> R {
        try await self.run { $0.change(body) }
    }

    /// Runs something on the event loop, between two reads.
    ///
    /// - Parameter body: Is given what is there.
    /// - Returns: What `body` gives.
    /// - Throws: If the server has been stopped: an event loop that is gone answers nobody.
    func run<R: Sendable>(_ body: @escaping @Sendable (BrokerHall) -> R) async throws -> R {
        let answer = try self.hasStopped.withLock { hasStopped in
            guard !hasStopped else { throw ChannelError.alreadyClosed }
            return self.hall.eventLoop.submit { [hall] in body(hall) }
        }
        return try await answer.get()
    }
}
