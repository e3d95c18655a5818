/// Splits what a socket brings into frames, wherever reads have cut them (AMQP 0-9-1 §4.2.3, C19-C22).
///
/// A value for either side of a wire. A frame that lies whole in a read is told as a place in it, and a body that does not
/// is told part by part, so that no body is copied here; any other frame that was cut is put together. What ends a body is
/// told when the frame's end was seen, and not before: nobody acts on octets that turn out to be no frame.
package struct FrameSplitter: Sendable {
    /// Whose octets come.
    package enum Peer: Sendable {
        /// Frames from the first octet on.
        case server
        /// A protocol header of 8 octets, then frames.
        case client
    }

    /// What comes next; places are in the read that was given.
    package enum Piece: Equatable, Sendable {
        /// The first 8 octets of a client: `AMQP` and the version it would speak.
        case protocolHeader([UInt8])
        case frame(type: UInt8, channel: UInt16, payload: Range<Int>)
        /// A frame that was put together; its payload are the octets between its head and its end.
        case assembled(type: UInt8, channel: UInt16, frame: [UInt8])
        /// Of a body frame that does not end in this read, or did not begin in it.
        case body(channel: UInt16, part: Range<Int>)
    }

    private enum Carry: Sendable {
        case none
        /// The first octets of a frame, or of a protocol header.
        case octets([UInt8])
        /// In a body frame, of which so many octets are still to come.
        case body(channel: UInt16, remaining: Int)
        /// The last octet of a body frame, whose end is due.
        case last(channel: UInt16, octet: UInt8)
    }

    private var carry = Carry.none
    /// Nothing whole has come yet: the peer may speak something else.
    private var isFirst = true
    private let peer: Peer
    /// Octets of a frame's payload that the peer may send.
    package var payloadLimit: Int { didSet { self.headerPayloadLimit = max(self.payloadLimit, self.headerLimit) } }
    /// Octets of a content header's payload.
    package private(set) var headerPayloadLimit: Int
    private let headerLimit: Int

    /// - Parameters:
    ///   - peer: Whose octets come.
    ///   - frameMax: Octets of a frame, its head and end included.
    ///   - headerLimit: Octets of a content header's payload where that is more: RabbitMQ holds none to frame-max, so that
    ///     what it has added to a legal message fits (`x-death`).
    package init(from peer: Peer, frameMax: Int, headerLimit: Int = 0) {
        self.peer = peer
        self.payloadLimit = frameMax - Frame.overhead
        self.headerLimit = headerLimit
        self.headerPayloadLimit = max(self.payloadLimit, headerLimit)
    }

    /// Whether the next octet is not the first of a frame.
    package var isMidFrame: Bool {
        if case .none = self.carry { false } else { true }
    }

    /// Somebody else has taken whole frames out of the read.
    package mutating func tookFrames() { self.isFirst = false }

    /// The next piece.
    ///
    /// - Parameters:
    ///   - bytes: One read.
    ///   - position: Where in it; moves behind what was taken.
    /// - Returns: nil if the read is at its end; what is left over is kept.
    /// - Throws: What can be no frame; there is no way on from there.
    package mutating func next(in bytes: UnsafeRawBufferPointer, at position: inout Int) throws(FrameFault) -> Piece? {
        guard position < bytes.count else { return nil }
        switch self.carry {
        case .none: return try self.begin(bytes, &position)
        case .octets(var kept):
            self.carry = .none
            return try self.complete(&kept, bytes, &position)
        case .body(let channel, let remaining): return try self.part(of: remaining, channel, bytes, &position)
        case .last(let channel, let octet):
            self.carry = .none
            try Self.checkEnd(bytes[position])
            position += 1
            let number = [UInt8(truncatingIfNeeded: channel >> 8), UInt8(truncatingIfNeeded: channel)]
            let frame = [Frame.body] + number + [0, 0, 0, 1, octet, Frame.end]
            return .assembled(type: Frame.body, channel: channel, frame: frame)
        }
    }

    /// Octets of a body frame that a read has cut.
    private mutating func part(
        of remaining: Int,
        _ channel: UInt16,
        _ bytes: UnsafeRawBufferPointer,
        _ position: inout Int
    ) throws(FrameFault) -> Piece? {
        let start = position
        let left = bytes.count - start
        if left > remaining {
            self.carry = .none
            try Self.checkEnd(bytes[start + remaining])
            position = start + remaining + 1
            return .body(channel: channel, part: start..<start + remaining)
        }
        position = bytes.count
        if left < remaining {
            self.carry = .body(channel: channel, remaining: remaining - left)
            return left == 0 ? nil : .body(channel: channel, part: start..<position)
        }
        self.carry = .last(channel: channel, octet: bytes[position - 1])
        return left == 1 ? nil : .body(channel: channel, part: start..<position - 1)
    }

    /// A frame whose first octet is here.
    private mutating func begin(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) throws(FrameFault) -> Piece? {
        let left = bytes.count - position
        guard left >= self.headSize(bytes[position]) else {
            try self.checkPlain(bytes[position])
            self.keep(bytes, &position, size: 0)
            return nil
        }
        if self.isFirst, self.peer == .client { return try self.protocolHeader(bytes, &position) }
        let (type, channel, size) = Self.head(bytes, position)
        try self.check(type, size, bytes, position)
        let start = position + Frame.headerSize
        guard left >= size + Frame.overhead else {
            guard type == Frame.body, size > 0 else {
                self.keep(bytes, &position, size: size + Frame.overhead)
                return nil
            }
            position = start
            return try self.part(of: size, channel, bytes, &position)
        }
        try Self.checkEnd(bytes[start + size])
        position = start + size + 1
        return .frame(type: type, channel: channel, payload: start..<start + size)
    }

    /// A frame whose first octets an earlier read had.
    private mutating func complete(
        _ kept: inout [UInt8],
        _ bytes: UnsafeRawBufferPointer,
        _ position: inout Int
    ) throws(FrameFault) -> Piece? {
        func fill(to count: Int) -> Bool {
            let more = min(max(count - kept.count, 0), bytes.count - position)
            kept.append(contentsOf: bytes[position..<position + more])
            position += more
            return kept.count >= count
        }
        guard fill(to: self.headSize(kept[0])) else {
            self.carry = .octets(kept)
            return nil
        }
        if self.isFirst, self.peer == .client {
            var start = 0
            return try kept.withBytes { (octets) throws(FrameFault) in try self.protocolHeader(octets, &start) }
        }
        let (type, channel, size) = try kept.withBytes { (octets) throws(FrameFault) in
            let head = Self.head(octets, 0)
            try self.check(head.type, head.size, octets, 0)
            return head
        }
        if type == Frame.body, size > 0 {
            // Nothing of it is kept: its head was all that had come.
            self.carry = .body(channel: channel, remaining: size)
            return try self.next(in: bytes, at: &position)
        }
        kept.reserveCapacity(size + Frame.overhead)
        guard fill(to: size + Frame.overhead) else {
            self.carry = .octets(kept)
            return nil
        }
        try Self.checkEnd(kept[size + Frame.headerSize])
        return .assembled(type: type, channel: channel, frame: kept)
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer, _ position: inout Int, size: Int) {
        var kept: [UInt8] = []
        kept.reserveCapacity(max(size, Frame.overhead))
        kept.append(contentsOf: bytes[position...])
        self.carry = .octets(kept)
        position = bytes.count
    }

    private mutating func protocolHeader(
        _ bytes: UnsafeRawBufferPointer,
        _ position: inout Int
    ) throws(FrameFault) -> Piece {
        try self.checkPlain(bytes[position])
        let octets = Array(bytes[position..<position + 8])
        guard octets.starts(with: Frame.protocolHeader.prefix(4)) else { throw .foreign(octets) }
        self.isFirst = false
        position += 8
        return .protocolHeader(octets)
    }

    // MARK: Heads

    /// How many octets say what it is; a protocol header has 8, also one that a server answers with.
    private func headSize(_ first: UInt8) -> Int {
        self.isFirst && (self.peer == .client || first == UInt8(ascii: "A")) ? 8 : Frame.headerSize
    }

    private static func head(
        _ bytes: UnsafeRawBufferPointer,
        _ position: Int
    ) -> (type: UInt8, channel: UInt16, size: Int) {
        (bytes[position], bytes.bigEndian16(position + 1), Int(bytes.bigEndian32(position + 3)))
    }

    /// A TLS server takes our header for nonsense and says so in an alert of 7 octets; a TLS client begins with its hello.
    private func checkPlain(_ first: UInt8) throws(FrameFault) {
        if self.isFirst, first == (self.peer == .server ? 0x15 : 0x16) { throw .tls }
    }

    private mutating func check(
        _ type: UInt8,
        _ size: Int,
        _ bytes: UnsafeRawBufferPointer,
        _ position: Int
    ) throws(FrameFault) {
        try self.checkPlain(type)
        if self.isFirst, type == UInt8(ascii: "A") { throw .foreign(Array(bytes[position..<position + 8])) }
        guard type == Frame.method || type == Frame.header || type == Frame.body || type == Frame.heartbeat else {
            throw .unknownType(type, isFirst: self.isFirst)
        }
        let limit = type == Frame.header && !self.isFirst ? self.headerPayloadLimit : self.payloadLimit
        guard size <= limit else {
            throw .tooLarge(octets: size + Frame.overhead, limit: limit + Frame.overhead, isFirst: self.isFirst)
        }
        self.isFirst = false
    }

    private static func checkEnd(_ octet: UInt8) throws(FrameFault) {
        guard octet == Frame.end else { throw .badEnd(octet) }
    }
}

/// Octets that can be no frame.
package enum FrameFault: Error, Equatable, Sendable {
    /// The first octets are of a TLS record.
    case tls
    /// The first 8 octets of a peer that speaks another protocol, or another version of this one.
    case foreign([UInt8])
    /// `isFirst`: nothing whole came before, so that it may be no AMQP at all.
    case unknownType(UInt8, isFirst: Bool)
    /// Head and end included.
    case tooLarge(octets: Int, limit: Int, isFirst: Bool)
    /// What stands in the place of the end octet.
    case badEnd(UInt8)
}
