package import AMQPWire

/// The way to the socket, as the outbox sees it.
package protocol OutboundTransport: AnyObject, Sendable {
    /// Writes what the socket takes at once, from the calling thread.
    func writeNow(_ bytes: UnsafeRawBufferPointer) -> DirectWrite
    /// Writes all of it on the connection's thread, then calls ``Outbox/writeFinished()``.
    func writeLater(_ bytes: UnsafeRawBufferPointer, for outbox: Outbox)
}

/// What a direct write came to.
package enum DirectWrite: Equatable, Sendable {
    case wrote(Int)
    /// The socket is full, or direct writes are not possible (TLS): the rest is left to the connection's thread.
    case unavailable
    /// The socket is broken; whoever reads will see the same and end the connection.
    case broken
}

/// Where a channel.close of ours lies in what is pending.
struct QueuedClose {
    let number: UInt16
    var octets: Range<Int>
}

/// Everything the connection sends, in order, and the doors of its channels (``ChannelTable``), under one lock.
///
/// Whoever has something to send appends whole units (a method; a publish with its header and bodies) and flushes.
/// One flusher at a time writes with the lock released; what others append meanwhile goes out with its next round,
/// so that a burst from many channels is one system call.
///
/// Why: record 1, workers write.
package final class Outbox: Sendable {
    struct State: ~Copyable {
        var pending = WireBuffer(capacity: 64 * 1024)
        var spare = WireBuffer(capacity: 64 * 1024)
        /// Where in `pending` closes of ours lie that no octet of has left, in their order.
        var closes: [QueuedClose] = []
        var flushing = false
        var inFlightBytes = 0
        var wroteSinceTick = false
        var isBlocked = false
        /// How often `isBlocked` has changed.
        var blockings = 0
        /// Answers to channel.flow since everything was written.
        var flowAnswers = 0
        var frameMax = Frame.minSize
        var channels = ChannelTable<Lane>(limit: 65535)

        var queuedBytes: Int { self.pending.count + self.inFlightBytes }
    }
    let monitor = Monitor(State(), level: .outbox)
    private let transport: any OutboundTransport
    /// Publishers wait while more octets than this are queued; acks and requests never do.
    let highWater: Int

    package init(transport: any OutboundTransport, highWater: Int) {
        self.transport = transport
        self.highWater = highWater
    }

    // MARK: Channel 0

    /// Appends without asking any door: connection methods, heartbeats.
    package func appendControl(_ body: (inout WireBuffer) -> Void) {
        self.monitor.withLock { state in
            guard state.channels.end == nil else { return }
            body(&state.pending)
        }
    }

    /// Sets the agreed limits once they are known.
    package func apply(_ negotiated: Negotiated) {
        self.monitor.withLock { state in
            state.frameMax = negotiated.frameMax
            state.channels.setLimit(negotiated.channelMax)
        }
    }

    /// Octets that wait for the socket.
    package var queuedBytes: Int { self.monitor.withLock { $0.queuedBytes } }

    package var frameMax: Int { self.monitor.withLock { $0.frameMax } }

    /// Whether anything was written since the last call.
    package func takeWroteSinceTick() -> Bool {
        self.monitor.withLock { state in
            defer { state.wroteSinceTick = false }
            return state.wroteSinceTick
        }
    }

    // MARK: Flushing

    /// Writes what is pending, unless somebody is at it: then they write it too.
    package func flush() {
        var sending = WireBuffer()
        let mine = self.monitor.withLock { state in
            if state.flushing || state.pending.isEmpty { return false }
            state.flushing = true
            swap(&state.spare, &sending)
            Self.takePending(&state, &sending)
            return true
        }
        if mine { self.write(sending) }
    }

    private static func takePending(_ state: inout State, _ sending: inout WireBuffer) {
        swap(&state.pending, &sending)
        state.closes.removeAll()
        state.inFlightBytes = sending.count
        state.wroteSinceTick = true
    }

    /// Rounds that one flusher writes for others: it has its own work, and may be the one that reads.
    private static let roundLimit = 16

    private func write(_ bytes: consuming WireBuffer) {
        var sending = bytes
        var rounds = 0
        while true {
            rounds += 1
            if rounds > Self.roundLimit {
                sending.withUnsafeBytes { self.transport.writeLater($0, for: self) }
                return
            }
            let outcome = sending.withUnsafeBytes { self.transport.writeNow($0) }
            switch outcome {
            case .wrote(let count) where count == sending.count: break
            case .wrote(let count):
                sending.removeFirst(count)
                sending.withUnsafeBytes { self.transport.writeLater($0, for: self) }
                return
            case .unavailable:
                sending.withUnsafeBytes { self.transport.writeLater($0, for: self) }
                return
            case .broken: break
            }
            sending.removeAll()
            let (goOn, writable) = self.monitor.withLock { state in
                state.inFlightBytes = 0
                if state.pending.isEmpty {
                    state.flushing = false
                    swap(&state.spare, &sending)
                    return (false, Self.takeWritable(&state, self.highWater))
                }
                Self.takePending(&state, &sending)
                return (true, Self.takeWritable(&state, self.highWater))
            }
            Self.tell(writable)
            if !goOn { return }
        }
    }

    /// The connection's thread has written what it was given.
    package func writeFinished() {
        let writable = self.monitor.withLock { state in
            state.flushing = false
            state.inFlightBytes = 0
            return Self.takeWritable(&state, self.highWater)
        }
        Self.tell(writable)
        self.flush()
    }

    // MARK: Room for publishers

    static func takeWritable(_ state: inout State, _ highWater: Int) -> [Lane] {
        guard !state.isBlocked, state.queuedBytes <= highWater / 2 else { return [] }
        return state.channels.takeWaiters()
    }

    static func tell(_ lanes: [Lane]) {
        for lane in lanes { lane.mailbox.put(lane.incarnation, event: .writable) }
    }

    /// The broker blocked or unblocked the connection (C51).
    package func setBlocked(_ blocked: Bool) {
        Self.tell(
            self.monitor.withLock { state in
                if state.isBlocked != blocked { state.blockings += 1 }
                state.isBlocked = blocked
                return Self.takeWritable(&state, self.highWater)
            }
        )
    }

    /// Why the connection ended, or is about to.
    package var end: AMQPError? { self.monitor.withLock { $0.channels.end } }

    package var isBlocked: Bool { self.monitor.withLock { $0.isBlocked } }

    /// Whether the broker reads nothing, or has read nothing for a while since the last look.
    ///
    /// - Parameter seen: What the last look left; it changes with every block and unblock.
    /// - Returns: Whether no answer could have come for some of the time.
    func wasBlocked(since seen: inout Int) -> Bool {
        self.monitor.withLock { state in
            defer { seen = state.blockings }
            return state.isBlocked || seen != state.blockings
        }
    }
}
