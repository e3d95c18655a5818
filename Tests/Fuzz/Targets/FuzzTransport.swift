import AMQPCore

/// A socket whose moods the fuzzer decides.
// @unchecked Sendable: a run has one thread.
final class FuzzTransport: OutboundTransport, @unchecked Sendable {
    /// How direct writes go: all, half, one octet, none.
    var mood: UInt8 = 0
    var isDown = false
    /// Runs after each direct write, with the outbox's lock free, as another thread would.
    var wrote: () -> Void = {}
    private var wire: [UInt8] = []
    private var later: [UInt8] = []
    private var waiting: Outbox?

    func writeNow(_ bytes: UnsafeRawBufferPointer) -> DirectWrite {
        if self.isDown { return .broken }
        let count = [bytes.count, bytes.count / 2, min(1, bytes.count)]
        guard self.mood < count.count else { return .unavailable }
        self.wire.append(contentsOf: bytes[..<count[Int(self.mood)]])
        self.wrote()
        return .wrote(count[Int(self.mood)])
    }

    func writeLater(_ bytes: UnsafeRawBufferPointer, for outbox: Outbox) {
        self.later.append(contentsOf: bytes)
        self.waiting = outbox
    }

    /// The event loop could write what it held.
    func drain() {
        guard let outbox = self.waiting else { return }
        self.waiting = nil
        if !self.isDown { self.wire += self.later }
        self.later.removeAll()
        outbox.writeFinished()
    }

    /// What has reached the peer since the last call.
    func takeWire() -> [UInt8] {
        defer { self.wire.removeAll() }
        return self.wire
    }
}
