package import AMQPClient
package import AMQPWire
import Glibc

/// A client that sends just what the test wrote down, right or wrong: it shows what a real broker makes of it.
///
/// The counterpart of ``ScriptedPeer``, with the same words for frames. It never answers by itself.
package final class RawClient {
    private let descriptor: Int32
    /// Frames in and out.
    package let frames: ScriptedPeer
    /// What the broker says of itself.
    package let greeting: ConnectionStart
    /// Seconds that any one read may take.
    private static let patience = 20

    /// Connects and takes connection.start: the login is the test's.
    package init(greetedBy endpoint: Endpoint) throws {
        self.descriptor = try Self.connect(endpoint)
        self.frames = ScriptedPeer(descriptor: self.descriptor, facing: "the broker")
        try self.frames.sendRaw(Frame.protocolHeader)
        self.greeting = try self.frames.expect(ConnectionStart.self, on: 0)
    }

    /// Connects, logs in and opens the virtual host, with the broker's limits unless others are given.
    package convenience init(_ endpoint: Endpoint, channelMax: UInt16? = nil, heartbeat: UInt16 = 0) throws {
        try self.init(greetedBy: endpoint)
        let tune = try self.logIn(endpoint)
        try self.send(
            ConnectionTuneOk(
                channelMax: channelMax ?? tune.channelMax,
                frameMax: tune.frameMax,
                heartbeat: heartbeat
            ),
            on: 0
        )
        try self.send(ConnectionOpen(virtualHost: endpoint.virtualHost), on: 0)
        try self.frames.expect(ConnectionOpenOk.self, on: 0)
    }

    /// Sends the credentials by PLAIN and gives the broker's limits.
    package func logIn(_ endpoint: Endpoint) throws -> ConnectionTune {
        let response = [0] + Array(endpoint.user.utf8) + [0] + Array(endpoint.password.utf8)
        try self.sendLogin("PLAIN", response)
        return try self.frames.expect(ConnectionTune.self, on: 0)
    }

    package func sendLogin(_ mechanism: String, _ response: [UInt8]) throws {
        let capabilities: FieldTable = [
            "authentication_failure_close": true, "consumer_cancel_notify": true, "connection.blocked": true,
        ]
        try self.send(
            ConnectionStartOk(
                clientProperties: ["product": "raw client", "capabilities": .table(capabilities)],
                mechanism: mechanism,
                response: response
            ),
            on: 0
        )
    }

    deinit { Glibc.close(self.descriptor) }

    private static func connect(_ endpoint: Endpoint) throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(endpoint.host, "\(endpoint.port)", &hints, &found) == 0, let first = found else {
            throw PeerFailure("no address of \(endpoint.host)")
        }
        defer { freeaddrinfo(first) }
        let descriptor = socket(first.pointee.ai_family, Int32(SOCK_STREAM.rawValue), 0)
        guard Glibc.connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            defer { Glibc.close(descriptor) }
            throw PeerFailure("no connection to \(endpoint.address): \(String(cString: strerror(errno)))")
        }
        var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    // MARK: Out

    package func send(_ method: some AMQPMethod, on channel: UInt16) throws {
        try self.frames.send(method, on: channel)
    }

    /// A publish to the default exchange.
    package func publish(_ body: [UInt8] = [1], to queue: String, on channel: UInt16) throws {
        try self.frames.sendContent(BasicPublish(routingKey: queue), body, on: channel)
    }

    /// Methods on one channel as one write.
    package func sendTogether(_ methods: any AMQPMethod..., on channel: UInt16) throws {
        try self.frames.sendRaw(methods.flatMap { method in try Octets.method(method, on: channel) })
    }

    // MARK: Passages

    package func open(_ channels: UInt16...) throws {
        for channel in channels {
            try self.send(ChannelOpen(), on: channel)
            try self.frames.expect(ChannelOpenOk.self, on: channel)
        }
    }

    /// Sends a request and takes its answer, which must come next.
    @discardableResult
    package func ask<Reply: AMQPMethod>(_ request: some AMQPMethod, _ reply: Reply.Type, on channel: UInt16) throws
        -> Reply
    {
        try self.send(request, on: channel)
        return try self.frames.expect(Reply.self, on: channel)
    }

    /// A queue of this connection alone; gives the name that the broker made for it.
    package func declareQueue(on channel: UInt16) throws -> String {
        try self.ask(QueueDeclare(exclusive: true), QueueDeclareOk.self, on: channel).queue
    }

    /// The next close of a channel or of the connection, whatever comes before it.
    ///
    /// Not answered: see ``answer(_:)``.
    package func nextClose() throws -> Close {
        while true {
            let frame = try self.frames.next()
            guard frame.methodID == .channelClose || frame.methodID == .connectionClose else { continue }
            switch try frame.payload.withUnsafeBytes({ bytes throws in try Method.decode(bytes) }) {
            case .channelClose(let close):
                return Close(frame.channel, close.replyCode, close.replyText, close.classID, close.methodID)
            case .connectionClose(let close):
                return Close(0, close.replyCode, close.replyText, close.classID, close.methodID)
            default: throw PeerFailure("not a close, but \(frame)")
            }
        }
    }

    /// Answers a close with close-ok.
    package func answer(_ close: Close) throws {
        if close.channel == 0 {
            try self.send(ConnectionCloseOk(), on: 0)
        } else {
            try self.send(ChannelCloseOk(), on: close.channel)
        }
    }

    /// A channel.close or connection.close of the broker.
    package struct Close: Sendable {
        /// 0 for the connection.
        package let channel: UInt16
        package let code: ReplyCode
        package let text: String
        /// The method it blames; nil if it names none.
        package let method: MethodID?

        init(_ channel: UInt16, _ code: ReplyCode, _ text: String, _ classID: UInt16, _ methodID: UInt16) {
            self.channel = channel
            self.code = code
            self.text = text
            self.method = classID == 0 ? nil : MethodID(classID: classID, methodID: methodID)
        }
    }
}
