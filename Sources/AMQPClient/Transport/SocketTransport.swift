import AMQPWire
import Glibc
import NIOCore

/// Writes to a connection's socket: straight from the calling thread where that is possible, else through NIO.
// @unchecked Sendable: `descriptor` is our own duplicate, written in init and closed in deinit alone; NIO's channel
// is thread-safe.
final class SocketTransport: OutboundTransport, @unchecked Sendable {
    private let channel: any NIOCore.Channel
    /// A duplicate, so that a late writer can never meet a number that the system has given to another file.
    private let descriptor: Int32?

    /// A transport over `descriptor`, the channel's socket, if octets may go to it as they are; nil with TLS.
    init(channel: any NIOCore.Channel, descriptor: Int32?) {
        self.channel = channel
        self.descriptor = descriptor.flatMap { (original: Int32) -> Int32? in
            let copy = fcntl(original, F_DUPFD_CLOEXEC, 0)
            return copy >= 0 ? copy : nil
        }
    }

    deinit {
        if let descriptor = self.descriptor { close(descriptor) }
    }

    func writeNow(_ bytes: UnsafeRawBufferPointer) -> DirectWrite {
        guard let descriptor = self.descriptor else { return .unavailable }
        while true {
            let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            if count >= 0 { return .wrote(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK, ENOBUFS: return .unavailable
            default: return .broken
            }
        }
    }

    func writeLater(_ bytes: UnsafeRawBufferPointer, for outbox: Outbox) {
        var buffer = self.channel.allocator.buffer(capacity: bytes.count)
        buffer.writeBytes(bytes)
        self.channel.writeAndFlush(buffer).whenComplete { _ in outbox.writeFinished() }
    }

    /// Our duplicate would keep the connection up after NIO has closed its own descriptor.
    func shutDown() {
        if let descriptor = self.descriptor { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
}
