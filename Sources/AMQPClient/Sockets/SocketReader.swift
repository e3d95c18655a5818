import AMQPCore
import Glibc
package import NIOCore

/// Reads a socket into buffers of a size that follows what comes.
package struct SocketReader: Sendable {
    package enum Outcome {
        case read(ByteBuffer, mayHaveMore: Bool)
        case nothing
        case endOfFile
        /// With the system's words.
        case broken(String)
    }
    private var sizes = AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 16 * 1024, maximum: 256 * 1024)
    private let allocator = ByteBufferAllocator()
    /// A buffer whose octets nobody keeps.
    private var spare: ByteBuffer?

    package init() {}

    /// Reads once, without waiting.
    package mutating func read(_ descriptor: Int32) -> Outcome {
        var buffer = self.spare ?? self.sizes.buffer(allocator: self.allocator)
        self.spare = nil
        buffer.clear()
        let room = buffer.writableBytes
        var code: Int32 = 0
        let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { memory in
            while true {
                let count = recv(descriptor, memory.baseAddress, memory.count, Int32(MSG_DONTWAIT))
                if count >= 0 { return count }
                code = errno
                if code != EINTR { return 0 }
            }
        }
        guard count > 0 else {
            if code == EAGAIN || code == EWOULDBLOCK {
                self.spare = buffer
                return .nothing
            }
            return code == 0 ? .endOfFile : .broken(String(cString: strerror(code)))
        }
        let hasGrown = self.sizes.record(actualReadBytes: count)
        if buffer.fillsLittle {
            if !hasGrown { self.spare = buffer }
            return .read(self.allocator.buffer(buffer: buffer), mayHaveMore: false)
        }
        return .read(buffer, mayHaveMore: count == room)
    }
}

#if DEBUG
    extension SocketReader.Outcome {
        init(_ simulated: SimulatedRead) {
            switch simulated {
            case .octets(let octets, let mayHaveMore):
                self = .read(ByteBuffer(bytes: octets), mayHaveMore: mayHaveMore)
            case .nothing: self = .nothing
            case .endOfFile: self = .endOfFile
            case .broken(let reason): self = .broken(reason)
            }
        }
    }
#endif
