import AMQPWire

/// Puts method, header and body frames of one channel together (AMQP 0-9-1 §4.2.6, C22-C25).
///
/// The driver's fast path passes it by when all frames of a content lie in one read.
package struct ContentAssembler {
    private enum State {
        case idle
        case awaitingHeader(method: [UInt8])
        case awaitingBody(ContentStorage, filled: Int)
    }
    private var state: State = .idle

    package init() {}

    package var isIdle: Bool {
        if case .idle = self.state { true } else { false }
    }

    /// What a frame led to.
    package enum Action {
        case more
        case complete(ContentStorage)
        /// 505 for the connection: frames in an order that the protocol does not know.
        case unexpectedFrame(String)
        /// 501 for the connection.
        case malformed(String)
    }

    package mutating func methodReceived(_ payload: UnsafeRawBufferPointer) -> Action {
        guard self.isIdle else { return .unexpectedFrame("a method before the content before it was whole") }
        self.state = .awaitingHeader(method: [UInt8](payload))
        return .more
    }

    /// A header frame came; `bodyLimit` is in octets: one that announces more is refused before anything is
    /// allocated (C21).
    package mutating func headerReceived(_ payload: UnsafeRawBufferPointer, bodyLimit: Int) -> Action {
        guard case .awaitingHeader(let method) = self.state else {
            return .unexpectedFrame("a content header without its method")
        }
        self.state = .idle
        guard payload.count >= 14 else { return .malformed("a content header of \(Plural.of(payload.count, "octet"))") }
        let classID = payload.loadUnaligned(fromByteOffset: 0, as: UInt16.self).bigEndian
        let weight = payload.loadUnaligned(fromByteOffset: 2, as: UInt16.self).bigEndian
        let size = payload.loadUnaligned(fromByteOffset: 4, as: UInt64.self).bigEndian
        let methodClass = UInt16(method[0]) << 8 | UInt16(method[1])
        guard classID == methodClass, weight == 0 else {
            return .unexpectedFrame("a content header of class \(classID), weight \(weight)")
        }
        guard size <= UInt64(bodyLimit) else {
            return .malformed("a body of \(size) octets is announced; the limit is \(bodyLimit)")
        }
        let storage = method.withUnsafeBytes { ContentStorage(method: $0, header: payload, bodyLength: Int(size)) }
        if size == 0 { return .complete(storage) }
        self.state = .awaitingBody(storage, filled: storage.bodyOffset)
        return .more
    }

    /// Whole body frames and pieces of one alike.
    package mutating func bodyReceived(_ piece: UnsafeRawBufferPointer) -> Action {
        guard case .awaitingBody(let storage, let filled) = self.state else {
            return .unexpectedFrame("a body without its header")
        }
        guard piece.count <= storage.bytes.count - filled else {
            self.state = .idle
            return .unexpectedFrame("a body longer than its header says")
        }
        UnsafeMutableRawBufferPointer(rebasing: storage.bytes[filled...]).copyMemory(from: piece)
        let now = filled + piece.count
        if now == storage.bytes.count {
            self.state = .idle
            return .complete(storage)
        }
        self.state = .awaitingBody(storage, filled: now)
        return .more
    }

    /// The channel closed: half a content is dropped (C37).
    package mutating func reset() { self.state = .idle }
}
