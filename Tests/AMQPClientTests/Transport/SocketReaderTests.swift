import AMQPClient
import Glibc
import NIOCore
import Testing

/// Reads of a socket.
@Suite struct SocketReaderTests {
    private let pair: SocketPair

    init() throws { self.pair = try SocketPair() }

    @Test func `it reads what is there, then nothing, then the end`() throws {
        var reader = SocketReader()
        self.pair.send([1, 2, 3])
        guard case .read(let buffer, let mayHaveMore) = reader.read(self.pair.ours) else {
            Issue.record("nothing was read")
            return
        }
        #expect(Array(buffer.readableBytesView) == [1, 2, 3])
        #expect(!mayHaveMore)
        guard case .nothing = reader.read(self.pair.ours) else {
            Issue.record("read something")
            return
        }
        shutdown(self.pair.theirs, Int32(SHUT_WR))
        guard case .endOfFile = reader.read(self.pair.ours) else {
            Issue.record("no end")
            return
        }
    }

    @Test func `few octets are kept in as little memory, and the next read does not write over them`() throws {
        var reader = SocketReader()
        var buffers: [ByteBuffer] = []
        for number in 0..<10 as Range<UInt8> {
            self.pair.send([number, number])
            guard case .read(let buffer, _) = reader.read(self.pair.ours) else {
                Issue.record("nothing was read")
                return
            }
            #expect(buffer.storageCapacity <= 64)
            buffers.append(buffer)
        }
        #expect(buffers.map { Array($0.readableBytesView) } == (0..<10).map { [$0, $0] })
    }

    @Test func `a read that fills its buffer may have more to follow`() throws {
        var reader = SocketReader()
        self.pair.send([UInt8](repeating: 1, count: 40_000))
        guard case .read(let buffer, let mayHaveMore) = reader.read(self.pair.ours) else {
            Issue.record("nothing was read")
            return
        }
        #expect(mayHaveMore)
        #expect(buffer.readableBytes == buffer.storageCapacity)
        // The next one takes more at once.
        guard case .read(let next, _) = reader.read(self.pair.ours) else {
            Issue.record("nothing was read")
            return
        }
        #expect(next.readableBytes > buffer.readableBytes || buffer.readableBytes + next.readableBytes == 40_000)
    }

    @Test func `a broken socket is told in the system's words`() {
        var reader = SocketReader()
        guard case .broken(let reason) = reader.read(-1) else {
            Issue.record("read something")
            return
        }
        #expect(reason == "Bad file descriptor")
    }
}
