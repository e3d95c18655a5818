package import AMQPWire
import Glibc

/// The other end of a connection, as a script: frames come in and go out in the order that the test wrote down.
///
/// Every read has a deadline, so that a client that sends nothing fails its test instead of hanging it.
package final class ScriptedPeer {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    /// Heartbeats seen so far; ``next()`` passes over them.
    package private(set) var heartbeats = 0

    /// Who is at the other end, for the messages.
    private let other: String

    init(descriptor: Int32, facing other: String = "the client") {
        self.descriptor = descriptor
        self.other = other
    }

    // MARK: In

    private func fill(to count: Int) throws -> Bool {
        while self.buffer.count < count {
            var piece = [UInt8](repeating: 0, count: 65_536)
            let got = recv(self.descriptor, &piece, piece.count, 0)
            if got == 0 { return false }
            if got < 0 {
                if errno == EINTR { continue }
                if errno == ECONNRESET { return false }
                throw PeerFailure("nothing to read: \(String(cString: strerror(errno)))")
            }
            self.buffer.append(contentsOf: piece[..<got])
        }
        return true
    }

    private func take(_ count: Int, _ what: String) throws -> [UInt8] {
        guard try self.fill(to: count) else { throw PeerFailure("\(self.other) closed the socket instead of \(what)") }
        defer { self.buffer.removeFirst(count) }
        return Array(self.buffer[..<count])
    }

    /// The next frame, heartbeats too.
    package func nextFrame() throws -> PeerFrame {
        let head = try self.take(7, "a frame")
        let size = head[3...].reduce(0) { $0 << 8 | Int($1) }
        let rest = try self.take(size + 1, "the rest of a frame")
        guard rest.last == Frame.end else { throw PeerFailure("a frame of \(self.other) without its end octet") }
        let frame = PeerFrame(
            type: head[0],
            channel: UInt16(head[1]) << 8 | UInt16(head[2]),
            payload: Array(rest.dropLast())
        )
        if frame.type == Frame.heartbeat { self.heartbeats += 1 }
        return frame
    }

    /// The next frame that is no heartbeat.
    package func next() throws -> PeerFrame {
        while true {
            let frame = try self.nextFrame()
            if frame.type != Frame.heartbeat { return frame }
        }
    }

    /// The next frame carries this method on this channel; anything else fails the script.
    @discardableResult
    package func expect<M: AMQPMethod>(_ type: M.Type, on channel: UInt16) throws -> M {
        let frame = try self.next()
        guard frame.type == Frame.method, frame.channel == channel, frame.methodID == M.id else {
            throw PeerFailure("waited for \(M.id) on channel \(channel), got \(frame)")
        }
        return try frame.method(type)
    }

    /// The next frames are one publish; gives its body frame by frame.
    @discardableResult
    package func expectPublish(on channel: UInt16) throws -> PeerPublish {
        let method = try self.expect(BasicPublish.self, on: channel)
        let head = try self.next()
        guard head.type == Frame.header, head.channel == channel else { throw PeerFailure("no header, but \(head)") }
        let header = try head.payload.withUnsafeBytes { bytes throws in try ContentHeader.decode(bytes) }
        var pieces: [[UInt8]] = []
        var left = Int(header.bodySize)
        while left > 0 {
            let body = try self.next()
            guard body.type == Frame.body, body.channel == channel else { throw PeerFailure("no body, but \(body)") }
            pieces.append(body.payload)
            left -= body.payload.count
        }
        guard left == 0 else { throw PeerFailure("a body \(-left) octets too long") }
        return PeerPublish(method: method, header: header, pieces: pieces)
    }

    /// The other end closes the socket and sends nothing before.
    package func expectEnd() throws {
        while try self.fill(to: 1) {
            let frame = try self.nextFrame()
            guard frame.type == Frame.heartbeat else { throw PeerFailure("waited for the end, got \(frame)") }
        }
    }

    /// Whether an octet comes, or the end, before the time is over.
    package func comesSomething(within time: Duration) throws -> Bool {
        if !self.buffer.isEmpty { return true }
        var poll = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, Self.milliseconds(time)) > 0
    }

    /// Takes whatever comes next; false at the end.
    package func takeSome() throws -> Bool {
        guard try self.fill(to: 1) else { return false }
        self.buffer.removeAll()
        return true
    }

    // MARK: Out

    package func sendRaw(_ octets: [UInt8]) throws {
        var sent = 0
        while sent < octets.count {
            let count = octets[sent...].withUnsafeBytes {
                Glibc.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw PeerFailure("can not write: \(String(cString: strerror(errno)))") }
            sent += count
        }
    }

    /// Sends until the other end has taken nothing for `time`.
    ///
    /// - Returns: How many octets were sent.
    package func sendUntilFull(_ octets: [UInt8], for time: Duration) throws -> Int {
        var sent = 0
        while sent < octets.count {
            var poll = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
            if Glibc.poll(&poll, 1, Self.milliseconds(time)) == 0 { break }
            let count = octets[sent...].withUnsafeBytes {
                Glibc.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { throw PeerFailure("can not write: \(String(cString: strerror(errno)))") }
            sent += count
        }
        return sent
    }

    private static func milliseconds(_ time: Duration) -> Int32 {
        Int32(time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000)
    }

    package func send(_ method: some AMQPMethod, on channel: UInt16) throws {
        try self.sendRaw(Octets.method(method, on: channel))
    }

    package func sendContent(
        _ method: some AMQPMethod,
        _ body: [UInt8],
        on channel: UInt16,
        properties: BasicProperties = BasicProperties()
    ) throws {
        try self.sendRaw(Octets.content(method, body, on: channel, properties: properties))
    }

    package func sendHeartbeat() throws { try self.sendRaw([8, 0, 0, 0, 0, 0, 0, Frame.end]) }

    // MARK: Whole passages

    /// The protocol header and start, up to the client's login.
    @discardableResult
    package func greet(
        mechanisms: String = "PLAIN AMQPLAIN",
        serverProperties: FieldTable = FieldTable()
    ) throws -> ConnectionStartOk {
        guard try self.take(8, "a protocol header") == Frame.protocolHeader else {
            throw PeerFailure("another protocol header")
        }
        let start = ConnectionStart(
            serverProperties: serverProperties,
            mechanisms: Array(mechanisms.utf8),
            locales: Array("en_US".utf8)
        )
        try self.send(start, on: 0)
        return try self.expect(ConnectionStartOk.self, on: 0)
    }

    /// From the protocol header to a close instead of open-ok.
    package func refuseOpen(_ code: ReplyCode, _ text: String) throws {
        try self.greet()
        try self.send(ConnectionTune(channelMax: 2047, frameMax: 8192, heartbeat: 0), on: 0)
        try self.expect(ConnectionTuneOk.self, on: 0)
        try self.expect(ConnectionOpen.self, on: 0)
        try self.closeConnection(code, text, blaming: ConnectionOpen.id)
    }

    /// Closes the connection, passes over what is still under way, and waits for the answer and the end.
    package func closeConnection(_ code: ReplyCode, _ text: String, blaming method: MethodID? = nil) throws {
        let close = ConnectionClose(
            replyCode: code,
            replyText: text,
            classID: method?.classID ?? 0,
            methodID: method?.methodID ?? 0
        )
        try self.send(close, on: 0)
        while try self.next().methodID != .connectionCloseOk {}
        try self.expectEnd()
    }

    /// From the protocol header to open-ok; gives the client's answer to the limits.
    @discardableResult
    package func handshake(
        channelMax: UInt16 = 2047,
        frameMax: UInt32 = 8192,
        heartbeat: UInt16 = 0,
        serverProperties: FieldTable = FieldTable()
    ) throws -> ConnectionTuneOk {
        try self.greet(serverProperties: serverProperties)
        try self.send(ConnectionTune(channelMax: channelMax, frameMax: frameMax, heartbeat: heartbeat), on: 0)
        let tuneOk = try self.expect(ConnectionTuneOk.self, on: 0)
        try self.expect(ConnectionOpen.self, on: 0)
        try self.send(ConnectionOpenOk(), on: 0)
        return tuneOk
    }

    /// The client opens these channels, in this order.
    package func openChannels(_ numbers: UInt16...) throws {
        for number in numbers {
            try self.expect(ChannelOpen.self, on: number)
            try self.send(ChannelOpenOk(), on: number)
        }
    }

    /// A request that shows that nothing was sent before it.
    package func expectPrefetch(on channel: UInt16) throws {
        try self.expect(BasicQos.self, on: channel)
        try self.send(BasicQosOk(), on: channel)
    }

    /// The client closes the connection, and before it the channels that it has let go; all are answered.
    package func finish() throws {
        while true {
            let frame = try self.next()
            if frame.methodID == ConnectionClose.id { break }
            guard frame.methodID == ChannelClose.id else { throw PeerFailure("waited for closes, got \(frame)") }
            try self.send(ChannelCloseOk(), on: frame.channel)
        }
        try self.send(ConnectionCloseOk(), on: 0)
        try self.expectEnd()
    }
}

/// A frame as the client sent it.
package struct PeerFrame: CustomStringConvertible {
    package let type: UInt8
    package let channel: UInt16
    package let payload: [UInt8]

    /// Nil unless it is a method frame.
    package var methodID: MethodID? {
        guard self.type == Frame.method, self.payload.count >= 4 else { return nil }
        return MethodID(
            classID: UInt16(self.payload[0]) << 8 | UInt16(self.payload[1]),
            methodID: UInt16(self.payload[2]) << 8 | UInt16(self.payload[3])
        )
    }

    /// Its payload, read as this method.
    package func method<M: AMQPMethod>(_ type: M.Type) throws -> M {
        try self.payload.withUnsafeBytes { bytes throws in
            var reader = WireReader(bytes)
            try reader.skip(4)
            return try M(from: &reader)
        }
    }

    package var description: String {
        let what = self.methodID.map(\.description) ?? "a frame of type \(self.type), \(self.payload.count) octets"
        return "\(what) on channel \(self.channel)"
    }
}

/// A publish as the client sent it.
package struct PeerPublish {
    package let method: BasicPublish
    package let header: ContentHeader
    package let pieces: [[UInt8]]
    package var body: [UInt8] { Array(self.pieces.joined()) }
}

/// Where the script and the client part ways.
package struct PeerFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
