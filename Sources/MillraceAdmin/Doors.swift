import Glibc
package import Logging
package import Millrace
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The doors of a supervisor: a socket, a port, on one event loop of their own.
///
/// Why: record 13, doors.
package final class Doors: Sendable {
    /// Clients at once; who comes when they are all there is sent away.
    private static let mostClients = 64
    private static let backlog: Int32 = 64

    private let router: ControlRouter
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let clients = Mutex(0)
    private let open = Mutex<(channels: [any Channel], socket: String?)>(([], nil))

    /// Opens nothing yet.
    package init(_ router: ControlRouter, logger: Logger) {
        self.router = router
        self.logger = logger
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    }

    /// Opens a socket that only this user, and root, can connect to.
    ///
    /// Blocks the calling thread for a moment.
    ///
    /// - Parameter place: Where; if another supervisor is there, a place beside it that no file named.
    /// - Returns: Where it is.
    /// - Throws: Why it is not.
    @available(*, noasync, message: "it blocks its thread")
    package func openSocket(_ place: SocketPlace) throws(DoorFailure) -> String {
        try place.prepareFolder()
        var place = place
        if SocketFile.isAlive(place.path) {
            guard !place.isChosen else { throw DoorFailure("another supervisor is at \(place.path)") }
            place = place.beside(getpid())
            try place.prepareFolder()
        }
        try SocketFile.removeDead(place.path)
        let descriptor = try SocketFile.listen(place.path, backlog: Self.backlog)
        let bootstrap = self.bootstrap(.socket) { channel in PeerName.of(channel) }
        do {
            let channel = try bootstrap.withBoundSocket(descriptor).wait()
            self.open.withLock {
                $0.channels.append(channel)
                $0.socket = place.path
            }
            return place.path
        } catch {
            throw DoorFailure("\(place.path) can not be opened: \(error)")
        }
    }

    /// Opens a port.
    ///
    /// Blocks the calling thread for a moment.
    ///
    /// - Parameters:
    ///   - settings: Which.
    ///   - token: What requests have to show; nil is nothing.
    /// - Returns: The port's number.
    /// - Throws: Why it is not open.
    @available(*, noasync, message: "it blocks its thread")
    package func openPort(_ settings: AdminSettings, token: String?) throws(DoorFailure) -> Int {
        guard token != nil || settings.isLoopback else {
            throw DoorFailure("\(settings.host) lets other machines in, and there is no token")
        }
        let rules = DoorRules.port(
            host: settings.host,
            isLoopback: settings.isLoopback,
            token: token,
            isReadOnly: settings.isReadOnly
        )
        let bootstrap = self.bootstrap(rules) { channel in
            let from = channel.remoteAddress?.ipAddress ?? "an unknown address"
            return channel.eventLoop.makeSucceededFuture("HTTP from \(from)")
        }
        do {
            let channel = try bootstrap.bind(host: settings.host, port: settings.port).wait()
            self.open.withLock { $0.channels.append(channel) }
            return channel.localAddress?.port ?? settings.port
        } catch {
            throw DoorFailure("port \(settings.port) of \(settings.host) can not be opened: \(error)")
        }
    }

    private func bootstrap(
        _ rules: DoorRules,
        actor: @escaping @Sendable (any Channel) -> EventLoopFuture<String?>
    ) -> ServerBootstrap {
        ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [self] channel in
                actor(channel).flatMap { name in
                    guard let name, self.enter(channel) else { return channel.close() }
                    return channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                        try pipeline.addHandler(RequestHandler(self.router, rules, actor: name))
                    }
                }
            }
    }

    /// Whether there is room for one more.
    private func enter(_ channel: any Channel) -> Bool {
        let isRoom = self.clients.withLock { clients in
            guard clients < Self.mostClients else { return false }
            clients += 1
            return true
        }
        if isRoom { channel.closeFuture.whenComplete { _ in self.clients.withLock { $0 -= 1 } } }
        return isRoom
    }

    /// Closes all of them and removes the socket.
    package func close() {
        let (channels, socket) = self.open.withLock { open in
            defer { open = ([], nil) }
            return (open.channels, open.socket)
        }
        for channel in channels { channel.close(promise: nil) }
        if let socket { unlink(socket) }
        self.group.shutdownGracefully { _ in }
    }
}
