import AMQPBroker
import NIOCore

/// Between a client's socket and the broker.
// @unchecked Sendable: every `var` is touched on the event loop alone.
final class BrokerDoorHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let hall: BrokerHall
    private var id: ConnectionID?

    init(_ hall: BrokerHall) { self.hall = hall }

    func channelActive(context: ChannelHandlerContext) { self.id = self.hall.connect(context.channel) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let id = self.id else { return }
        self.hall.receive(self.unwrapInboundIn(data), from: id)
    }

    /// One write for all that the read has caused.
    func channelReadComplete(context: ChannelHandlerContext) { self.hall.act() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard let id = self.id else { return }
        self.hall.setCongested(!context.channel.isWritable, id)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard let id = self.id else { return }
        self.id = nil
        self.hall.disconnect(id)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
