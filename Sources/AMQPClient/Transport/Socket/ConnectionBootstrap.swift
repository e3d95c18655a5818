import NIOCore
import NIOPosix
import NIOSSL

/// The way from an endpoint to a connected socket with its handlers.
struct ConnectionBootstrap {
    private let endpoint: Endpoint
    private let options: ConnectionOptions
    private let tls: TLSClient?

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

    /// Connects without TLS and takes the socket from NIO, which is good at finding an address that answers.
    ///
    /// Blocks up to the connect timeout.
    func connectSocket(on eventLoop: any EventLoop) throws(AMQPError) -> SocketTransport {
        let taken = eventLoop.makePromise(of: SocketTransport.self)
        self.bootstrap(on: eventLoop)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(SocketTaker(taken))
                }
            }
            .connect(host: self.endpoint.host, port: self.endpoint.port)
            .whenFailure { taken.fail($0) }
        do {
            return try taken.futureResult.wait()
        } catch {
            throw error as? AMQPError ?? self.noConnection(error)
        }
    }

    /// Starts to connect; `driver` is told of the rest.
    ///
    /// - Parameters:
    ///   - eventLoop: Drives the socket.
    ///   - driver: The last handler.
    ///   - failed: Told when there is no TCP connection; the driver then knows of nothing.
    func connect(
        on eventLoop: any EventLoop,
        driver: NIODriver,
        failed: @escaping @Sendable (AMQPError) -> Void
    ) {
        let bootstrap = self.bootstrap(on: eventLoop)
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
        bootstrap.connect(host: self.endpoint.host, port: self.endpoint.port)
            .whenFailure { failed(self.noConnection($0)) }
    }

    private func bootstrap(on eventLoop: any EventLoop) -> ClientBootstrap {
        ClientBootstrap(group: eventLoop)
            .connectTimeout(.nanoseconds(Int64(self.options.connectTimeout.nanoseconds)))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
    }

    private func noConnection(_ error: any Error) -> AMQPError {
        let text = "no connection to \(self.endpoint.host):\(self.endpoint.port): \(Self.reason(error))"
        return AMQPError(.connectionLost, scope: .connection, text: text)
    }

    /// The system's own words out of NIO's error.
    private static func reason(_ error: any Error) -> String {
        guard let attempt = error as? NIOConnectionError else { return "\(error)" }
        if let failed = attempt.connectionErrors.first { return "\(failed.error)" }
        if let lookup = attempt.dnsAError ?? attempt.dnsAAAAError { return "the name can not be resolved (\(lookup))" }
        return "no address"
    }
}
