import AMQPCore
import NIOCore

/// Takes the socket from NIO as soon as it is connected: before NIO reads from it, whatever has come by then.
// @unchecked Sendable: used on its event loop alone.
final class SocketTaker: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    private let taken: EventLoopPromise<SocketTransport>

    init(_ taken: EventLoopPromise<SocketTransport>) { self.taken = taken }

    func channelActive(context: ChannelHandlerContext) {
        do {
            let transport = try context.pipeline.syncOperations
                .withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { descriptor in
                    try SocketTransport(duplicating: descriptor)
                }
            if let transport { self.taken.succeed(transport) } else { self.taken.fail(Self.noSocket) }
        } catch {
            self.taken.fail(error)
        }
        context.close(promise: nil)
    }

    private static var noSocket: AMQPError {
        AMQPError(.invalidSettings, scope: .call, text: "an event loop group whose connections have no socket")
    }
}
