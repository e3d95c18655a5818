import AMQPCore
import AMQPWire

/// A socket that takes as much as the simulation lets it.
// @unchecked Sendable: a simulation has one thread.
final class MemoryTransport: OutboundTransport, @unchecked Sendable {
    /// How the next direct write goes.
    enum Mood {
        case takesAll, takesHalf, isFull
        case takes(Int)
    }
    var mood = Mood.takesAll
    /// Octets on their way to the peer.
    private(set) var wire: [UInt8] = []
    /// Runs within each direct write, as a peer that answers at once.
    var wrote: () -> Void = {}
    /// Octets that the event loop holds because the socket was full.
    private var later: [UInt8] = []
    private var waiting: Outbox?

    func writeNow(_ bytes: UnsafeRawBufferPointer) -> DirectWrite {
        defer { self.wrote() }
        switch self.mood {
        case .takesAll:
            self.wire.append(contentsOf: bytes)
            return .wrote(bytes.count)
        case .takesHalf:
            self.wire.append(contentsOf: bytes[..<(bytes.count / 2)])
            return .wrote(bytes.count / 2)
        case .takes(let most):
            self.wire.append(contentsOf: bytes.prefix(most))
            return .wrote(min(most, bytes.count))
        case .isFull: return .unavailable
        }
    }

    func writeLater(_ bytes: UnsafeRawBufferPointer, for outbox: Outbox) {
        self.later.append(contentsOf: bytes)
        self.waiting = outbox
    }

    /// The socket has room again: the event loop writes what it held.
    func drain() {
        guard let outbox = self.waiting else { return }
        self.wire.append(contentsOf: self.later)
        self.later.removeAll()
        self.waiting = nil
        outbox.writeFinished()
    }

    /// The peer reads up to `count` octets.
    func take(_ count: Int) -> [UInt8] {
        let taken = Array(self.wire.prefix(count))
        self.wire.removeFirst(taken.count)
        return taken
    }
}

/// Memory that looks like one read of a socket.
final class ReadBuffer {
    private let memory: UnsafeMutableRawBufferPointer

    private init(_ bytes: [UInt8]) {
        self.memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 8)
        self.memory.copyBytes(from: bytes)
    }

    deinit { self.memory.deallocate() }

    static func block(_ bytes: [UInt8]) -> Block {
        let buffer = ReadBuffer(bytes)
        return Block(bytes: UnsafeRawBufferPointer(rebasing: buffer.memory[..<bytes.count]), owner: buffer)
    }
}

/// Notes what the core asks for.
final class SimulatedHost: ConnectionHost {
    private(set) var isOpen = false
    private(set) var ends: [AMQPError] = []
    /// What it was told about reading, in order.
    private(set) var readings: [Bool] = []

    func connectionOpened(_ serverProperties: FieldTable) { self.isOpen = true }
    func setReading(_ isReading: Bool) { self.readings.append(isReading) }
    func connectionBlocked(reason: String) {}
    func connectionUnblocked() {}
    func frameDropped(channel: UInt16) {}
    func secretUpdated() {}
    func connectionEnded(_ error: AMQPError, isWriting: Bool) { self.ends.append(error) }
}
