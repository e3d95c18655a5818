import AMQPCore
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// The way from an address to a connected socket with its handlers.
struct ConnectionBootstrap {
    let endpoint: Endpoint
    let options: ConnectionOptions
    private let tls: TLSClient?

    var isEncrypted: Bool { self.tls != nil }

    /// Reads the files that TLS needs, on the calling thread.
    init(_ endpoint: Endpoint, _ options: ConnectionOptions) throws(AMQPError) {
        self.endpoint = endpoint
        self.options = options
        if let tls = endpoint.tls {
            self.tls = try TLSClient(tls, host: endpoint.host)
        } else {
            self.tls = nil
        }
    }

    /// Connects without TLS and takes the socket from NIO.
    func connectSocket(
        to address: SocketAddress,
        on eventLoop: any EventLoop,
        dueBy deadline: UInt64
    ) -> EventLoopFuture<SocketTransport> {
        #if DEBUG
            if let network = CurrentWorld.world?.network as? any SimulatedNetwork {
                let socket = network.connect()
                return socket.map { eventLoop.makeSucceededFuture(SocketTransport($0)) }
                    ?? eventLoop.makeFailedFuture(IOError(errnoCode: ECONNREFUSED, reason: "connect"))
            }
        #endif
        let taken = eventLoop.makePromise(of: SocketTransport.self)
        self.bootstrap(on: eventLoop, dueBy: deadline)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(SocketTaker(taken))
                }
            }
            .connect(to: address)
            .whenFailure { taken.fail($0) }
        return taken.futureResult
    }

    /// Starts to connect with TLS; `driver` is told of the rest.
    ///
    /// - Parameters:
    ///   - address: Where to.
    ///   - eventLoop: Drives the socket.
    ///   - driver: The last handler; without a TCP connection it knows of nothing.
    ///   - deadline: When TCP is too late.
    /// - Returns: Succeeds when TCP answers.
    func connect(
        to address: SocketAddress,
        on eventLoop: any EventLoop,
        driver: NIODriver,
        dueBy deadline: UInt64
    ) -> EventLoopFuture<Void> {
        self.bootstrap(on: eventLoop, dueBy: deadline)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 16 * 1024, maximum: 256 * 1024)
            )
            .channelInitializer { [tls] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        let handler = try NIOSSLClientHandler(context: tls.context, serverHostname: tls.serverName)
                        try pipeline.addHandlers(handler, TLSErrorHandler(tls, handler))
                    }
                    try pipeline.addHandler(driver)
                }
            }
            .connect(to: address)
            .map { _ in }
    }

    private func bootstrap(on eventLoop: any EventLoop, dueBy deadline: UInt64) -> ClientBootstrap {
        let now = MonotonicClock.now()
        // At least a millisecond: 0 would be no limit.
        let left = deadline > now ? min(deadline - now, UInt64(Int64.max)) : 0
        return ClientBootstrap(group: eventLoop)
            .connectTimeout(.nanoseconds(max(Int64(left), 1_000_000)))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
    }

    /// In the system's own words.
    func noConnection(_ error: any Error) -> AMQPError {
        let reason: String
        switch error {
        case let error as IOError: reason = String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: reason = "no answer in time"
        default: reason = "\(error)"
        }
        let text = "no connection to \(self.endpoint.host):\(self.endpoint.port): \(reason)"
        return AMQPError(.unreachable, scope: .connection, text: text)
    }
}
