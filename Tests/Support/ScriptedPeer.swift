import AMQPClient
package import AMQPWire
import Glibc

/// The other end of a connection, played by a script: it sends and expects single frames over a loopback socket.
///
/// The script runs on a thread of its own. Each wait has a deadline, so that a wrong client fails the test instead of
/// hanging it.
// @unchecked Sendable: the sockets and the buffer are the script thread's alone once it runs; the outcome is guarded.
package final class ScriptedPeer: @unchecked Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        package init(description: String) { self.description = description }
    }

    package struct ReceivedFrame: Sendable {
        package let type: UInt8
        package let channel: UInt16
        package let payload: [UInt8]

        package var method: Method? {
            guard self.type == Frame.method else { return nil }
            return self.payload.withUnsafeBytes { try? Method.decode($0) }
        }
    }

    package let port: Int
    private let listener: Int32
    private var socket: Int32 = -1
    private var pending: [UInt8] = []
    private let outcome = Monitor<(ended: Bool, failure: String?)>((false, nil))
    package var frameMax = 131_072

    /// Listens, and plays the script for the first connection.
    package init(_ script: @escaping @Sendable (ScriptedPeer) throws -> Void) throws {
        self.listener = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 1) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard bound else { throw Failure(description: "no port: \(String(cString: strerror(errno)))") }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        _ = try WorkerThread.start(name: "peer") { self.play(script) }
    }

    private func play(_ script: (ScriptedPeer) throws -> Void) {
        var failure: String?
        do {
            guard self.waitReadable(self.listener) else { throw Failure(description: "nobody connected") }
            self.socket = accept(self.listener, nil, nil)
            try script(self)
        } catch {
            failure = "\(error)"
        }
        if self.socket >= 0 { Glibc.close(self.socket) }
        Glibc.close(self.listener)
        self.outcome.withLock { $0 = (true, failure) }
        self.outcome.signal()
    }

    /// Waits for the end of the script; gives what failed in it, or nil.
    package func finish() -> String? {
        let deadline = MonotonicClock.deadline(in: .seconds(20))
        let result: String?? = self.outcome.wait(until: deadline) { state in state.ended ? .some(state.failure) : nil }
        return result ?? "the script did not end"
    }

    // MARK: Receiving

    private func waitReadable(_ descriptor: Int32) -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&poller, 1, 10_000) == 1
    }

    private func fill(_ count: Int) throws {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while self.pending.count < count {
            guard self.waitReadable(self.socket) else { throw Failure(description: "the client sent nothing for 10 s") }
            let got = recv(self.socket, &chunk, chunk.count, 0)
            guard got > 0 else { throw Failure(description: "the client closed the socket") }
            self.pending += chunk[..<got]
        }
    }

    /// The next frame, heartbeats too.
    package func receiveAny() throws -> ReceivedFrame {
        try self.fill(7)
        let size = self.pending[3..<7].reduce(0) { $0 << 8 | Int($1) }
        guard size <= self.frameMax - 8 else { throw Failure(description: "a frame of \(size) octets") }
        try self.fill(size + 8)
        let frame = ReceivedFrame(
            type: self.pending[0],
            channel: UInt16(self.pending[1]) << 8 | UInt16(self.pending[2]),
            payload: Array(self.pending[7..<(7 + size)])
        )
        guard self.pending[7 + size] == Frame.end else { throw Failure(description: "a frame without its end octet") }
        self.pending.removeFirst(size + 8)
        return frame
    }

    /// The next frame that is no heartbeat.
    package func receive() throws -> ReceivedFrame {
        while true {
            let frame = try self.receiveAny()
            if frame.type != Frame.heartbeat { return frame }
        }
    }

    /// The next method, which must be of this kind.
    @discardableResult
    package func expect(_ id: MethodID, on channel: UInt16) throws -> Method {
        let frame = try self.receive()
        guard let method = frame.method, method.id == id, frame.channel == channel else {
            let got = frame.method.map { "\($0.id)" } ?? "a frame of type \(frame.type)"
            throw Failure(description: "expected \(id) on channel \(channel), got \(got) on channel \(frame.channel)")
        }
        return method
    }

    /// basic.publish with its whole content; gives the body and its properties.
    @discardableResult
    package func expectPublish(on channel: UInt16) throws -> (properties: BasicProperties, body: [UInt8]) {
        try self.expect(.basicPublish, on: channel)
        let header = try self.receive()
        guard header.type == Frame.header, header.channel == channel else {
            throw Failure(description: "no header after basic.publish")
        }
        let content = try header.payload.withUnsafeBytes { try ContentHeader.decode($0) }
        var body: [UInt8] = []
        while body.count < content.bodySize {
            let frame = try self.receive()
            guard frame.type == Frame.body, frame.channel == channel else {
                throw Failure(description: "a frame of type \(frame.type) inside a content")
            }
            body += frame.payload
        }
        return (content.properties, body)
    }

    /// The client has closed its side, and sent nothing before that.
    package func expectEnd() throws {
        do {
            let frame = try self.receive()
            throw Failure(
                description: "expected the end, got \(frame.method.map { "\($0.id)" } ?? "type \(frame.type)")"
            )
        } catch let failure as Failure where failure.description == "the client closed the socket" {
            return
        }
    }

    /// Reads whatever comes, frames or not, until the client has closed its side.
    package func swallow() throws {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while self.waitReadable(self.socket), recv(self.socket, &chunk, chunk.count, 0) > 0 {}
    }

    // MARK: Sending

    package func sendRaw(_ octets: [UInt8]) throws {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(self.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(description: "the client does not read") }
            rest = rest.dropFirst(count)
        }
    }

    package func send(_ method: some AMQPMethod, on channel: UInt16) throws {
        var buffer = WireBuffer()
        try buffer.appendMethodFrame(method, channel: channel, frameMax: self.frameMax)
        try self.sendRaw(buffer.withUnsafeBytes { Array($0) })
    }

    package func sendContent(
        _ method: some AMQPMethod,
        _ body: [UInt8],
        properties: BasicProperties = BasicProperties(),
        on channel: UInt16
    ) throws {
        var buffer = WireBuffer()
        try body.withUnsafeBytes {
            try buffer.appendContentFrames(
                method,
                properties: properties,
                body: $0,
                channel: channel,
                frameMax: self.frameMax
            )
        }
        try self.sendRaw(buffer.withUnsafeBytes { Array($0) })
    }

    package func deliver(_ tag: UInt64, _ body: [UInt8] = [1], on channel: UInt16) throws {
        try self.sendContent(
            BasicDeliver(consumerTag: "c", deliveryTag: tag, redelivered: false, exchange: "", routingKey: "q"),
            body,
            on: channel
        )
    }

    // MARK: Common beginnings

    /// The protocol header, then start.
    package func greet() throws {
        try self.fill(8)
        guard Array(self.pending[..<8]) == Frame.protocolHeader else {
            throw Failure(description: "protocol header \(self.pending[..<8])")
        }
        self.pending.removeFirst(8)
        try self.send(
            ConnectionStart(
                versionMajor: 0,
                versionMinor: 9,
                serverProperties: FieldTable(),
                mechanisms: Array("PLAIN AMQPLAIN".utf8),
                locales: Array("en_US".utf8)
            ),
            on: 0
        )
        try self.expect(.connectionStartOk, on: 0)
    }

    /// The whole handshake; gives the client's tune-ok.
    @discardableResult
    package func handshake(channelMax: UInt16 = 2047, frameMax: UInt32 = 131_072, heartbeat: UInt16 = 0) throws
        -> Method
    {
        try self.greet()
        try self.send(ConnectionTune(channelMax: channelMax, frameMax: frameMax, heartbeat: heartbeat), on: 0)
        let tuneOk = try self.expect(.connectionTuneOk, on: 0)
        try self.expect(.connectionOpen, on: 0)
        try self.send(ConnectionOpenOk(), on: 0)
        return tuneOk
    }

    /// channel.open and its answer.
    package func acceptChannel(_ number: UInt16) throws {
        try self.expect(.channelOpen, on: number)
        try self.send(ChannelOpenOk(), on: number)
    }

    /// The client closes the connection.
    package func acceptClose() throws {
        try self.expect(.connectionClose, on: 0)
        try self.send(ConnectionCloseOk(), on: 0)
    }
}
