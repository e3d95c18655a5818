import AMQPCore
import NIOCore

extension ByteBuffer {
    /// A few deliveries must not keep a big read buffer alive: what fills little of its memory is copied out of it.
    var fillsLittle: Bool { self.readableBytes < 16 * 1024 && self.readableBytes * 4 < self.storageCapacity }
}

extension ConnectionCore {
    /// Takes one read, whose memory lives as long as the deliveries in it.
    func read(_ buffer: ByteBuffer, now: UInt64) {
        buffer.withUnsafeReadableBytesWithStorageManagement { bytes, storage in
            // takeUnretainedValue: `buffer` holds the storage for this call, the block for as long as it lives.
            self.read(Block(bytes: bytes, owner: storage.takeUnretainedValue()), now: now)
        }
    }
}
