import AMQPCore

/// Memory that looks like one read of a socket, and counts as long as somebody holds it.
final class ReadMemory {
    private let memory: UnsafeMutableRawBufferPointer
    private let book: Book

    private init(_ bytes: [UInt8], _ book: Book) {
        self.memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 8)
        self.memory.copyBytes(from: bytes)
        self.book = book
        book.heldReads += 1
    }

    deinit {
        self.memory.deallocate()
        self.book.heldReads -= 1
    }

    static func block(_ bytes: [UInt8], _ book: Book) -> Block {
        let read = ReadMemory(bytes, book)
        return Block(bytes: UnsafeRawBufferPointer(rebasing: read.memory[..<bytes.count]), owner: read)
    }
}
