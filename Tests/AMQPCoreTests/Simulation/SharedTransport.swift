import AMQPCore
import TestSupport

/// An in-memory socket that several threads write to and one reads from; now and then it takes a part only.
final class SharedTransport: OutboundTransport {
    private struct State {
        var wire: [UInt8] = []
        var later: [UInt8] = []
        var waiting: Outbox?
        var writes = 0
        var isDone = false
    }
    private let state = Monitor(State())

    func writeNow(_ bytes: UnsafeRawBufferPointer) -> DirectWrite {
        let taken = self.state.withLock { state in
            state.writes += 1
            let taken = state.writes % 5 == 0 ? bytes.count / 2 : bytes.count
            state.wire.append(contentsOf: bytes.prefix(taken))
            return taken
        }
        self.state.broadcast()
        return .wrote(taken)
    }

    func writeLater(_ bytes: UnsafeRawBufferPointer, for outbox: Outbox) {
        self.state.withLock { state in
            state.later.append(contentsOf: bytes)
            state.waiting = outbox
        }
        self.state.broadcast()
    }

    /// Nobody writes any more.
    func finish() {
        self.state.withLock { $0.isDone = true }
        self.state.broadcast()
    }

    /// For the reading thread: waits for octets; nil when nobody writes any more and all were taken.
    func next() -> [UInt8]? {
        let (octets, outbox): ([UInt8]?, Outbox?) =
            self.state.wait(until: Scripted.deadline()) { state in
                guard !state.wire.isEmpty || state.waiting != nil || state.isDone else { return nil }
                let isEnd = state.wire.isEmpty && state.waiting == nil
                let octets = state.wire + state.later
                let outbox = state.waiting
                state.wire = []
                state.later = []
                state.waiting = nil
                return (isEnd ? nil : octets, outbox)
            } ?? (nil, nil)
        outbox?.writeFinished()
        return octets
    }
}
