import AMQPCore
import NIOCore

/// Writes through NIO's channel, which encrypts.
final class NIOTransport: OutboundTransport {
    private let channel: any NIOCore.Channel

    init(_ channel: any NIOCore.Channel) { self.channel = channel }

    func writeNow(_ bytes: UnsafeRawBufferPointer) -> DirectWrite { .unavailable }

    func writeLater(_ bytes: UnsafeRawBufferPointer, for outbox: Outbox) {
        var buffer = self.channel.allocator.buffer(capacity: bytes.count)
        buffer.writeBytes(bytes)
        self.channel.writeAndFlush(buffer).whenComplete { _ in outbox.writeFinished() }
    }
}
