import AMQPClient
import AMQPWire
import Glibc
import NIOPosix
import TestSupport
import Testing

/// A name with several addresses: 127.0.0.1 has the broker, the others do what they do.
@Suite struct ScriptedAddressTests {
    /// A socket that listens at an address of the loopback net, and what becomes of those who connect: it takes them and
    /// says nothing.
    private final class Silence {
        private let descriptor: Int32

        init(at last: UInt32, port: Int, backlog: Int32 = 8) throws {
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr = in_addr(s_addr: (0x7F00_0000 + last).bigEndian)
            address.sin_port = UInt16(port).bigEndian
            let isListening = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                    bind(listener, general, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                        && listen(listener, backlog) == 0
                }
            }
            self.descriptor = listener
            guard isListening else { throw PeerFailure("can not listen: \(String(cString: strerror(errno)))") }
        }

        deinit { close(self.descriptor) }
    }

    private static func connect(_ endpoint: Endpoint, at hosts: [String], timeout: Duration) throws(AMQPError)
        -> Connection
    {
        var options = Scripted.options
        options.connectTimeout = timeout
        return try Connection.connect(
            to: endpoint,
            at: hosts,
            options: options,
            on: MultiThreadedEventLoopGroup.singleton
        )
    }

    /// Many make the share of each short, though the time is long.
    private static let nobody = (10..<70).map { "127.0.0.\($0)" }

    private static func serve(_ peer: ScriptedPeer) throws {
        try peer.handshake()
        try peer.openChannels(1)
        try peer.expectPrefetch(on: 1)
        try peer.finish()
    }

    private static func use(_ connection: Connection) throws {
        try connection.openChannel().prefetch(1)
        connection.close(timeout: .seconds(60))
    }

    @Test func `one that takes TCP and says nothing does not keep us from the next`() throws {
        try PeerListener.run { peer in
            try Self.serve(peer)
        } client: { endpoint in
            let silent = try [2, 3].map { try Silence(at: $0, port: endpoint.port) }
            try withExtendedLifetime(silent) {
                let hosts = ["127.0.0.2", "127.0.0.3", "127.0.0.1"] + Self.nobody
                try Self.use(Self.connect(endpoint, at: hosts, timeout: .seconds(30)))
            }
        }
    }

    @Test func `one that nobody listens at is passed over at once`() throws {
        try PeerListener.run { peer in
            try Self.serve(peer)
        } client: { endpoint in
            let began = MonotonicClock.now()
            try Self.use(Self.connect(endpoint, at: ["127.0.0.2", "127.0.0.1"], timeout: .seconds(60)))
            #expect(MonotonicClock.now() - began < 15_000_000_000)
        }
    }

    @Test func `one whose broker refuses the login does not keep us from the next`() throws {
        try PeerListener.run { refusing in
            try refusing.greet()
            try refusing.send(ConnectionClose(replyCode: 403, replyText: "no", classID: 0, methodID: 0), on: 0)
            try refusing.expect(ConnectionCloseOk.self, on: 0)
            try refusing.expectEnd()
        } client: { first in
            // The second peer has another port: what is shared is the way of the search.
            let error = Scripted.error { () throws(AMQPError) in
                _ = try Self.connect(first, at: ["127.0.0.1", "127.0.0.9"], timeout: .seconds(60))
            }
            #expect(error?.code == AMQPError.Code(403), "a refusal says more than a port where nobody listens")
        }
    }

    @Test func `the broker that is slow wins all the same, and the one beside it is let go`() throws {
        try PeerListener.run { peer in
            guard try !peer.comesSomethingElse(after: .milliseconds(700)) else { throw PeerFailure("it was given up") }
            try Self.serve(peer)
        } client: { endpoint in
            let silent = try Silence(at: 2, port: endpoint.port)
            try withExtendedLifetime(silent) {
                // Its share of the time is half a second; then the others are tried too.
                let hosts = ["127.0.0.1", "127.0.0.2"] + Self.nobody
                try Self.use(Self.connect(endpoint, at: hosts, timeout: .seconds(30)))
            }
        }
    }

    @Test func `all silent: the time is over for all, and it is no longer than was given`() throws {
        let port = try PeerListener.run({ peer in try peer.expectGreetingAndEnd() }) { endpoint -> Int in
            let silent = try Silence(at: 2, port: endpoint.port)
            let began = MonotonicClock.now()
            let error = Scripted.error { () throws(AMQPError) in
                _ = try Self.connect(endpoint, at: ["127.0.0.2", "127.0.0.1"], timeout: .milliseconds(800))
            }
            #expect(error?.code == .timeout)
            #expect(MonotonicClock.now() - began < 10_000_000_000)
            return withExtendedLifetime(silent) { endpoint.port }
        }
        #expect(port > 0)
    }

    @Test func `a name that nobody knows is told with the system's words`() {
        let endpoint = Endpoint(host: "no.such.host.invalid")
        let error = Scripted.error { () throws(AMQPError) in _ = try Scripted.connect(endpoint) }
        #expect(error?.code == .unreachable)
        #expect(error?.text.hasPrefix("no connection to no.such.host.invalid:5672: ") == true)
    }
}

extension ScriptedPeer {
    /// Whether the client does more than greet before the time is over.
    fileprivate func comesSomethingElse(after time: Duration) throws -> Bool {
        guard try self.comesSomething(within: .seconds(60)) else { return true }
        let deadline = MonotonicClock.deadline(in: time)
        _ = Monitor(0).wait(until: deadline) { (_: inout Int) -> Void? in nil }
        return false
    }

    /// Says nothing until the client has gone.
    fileprivate func expectGreetingAndEnd() throws {
        while try self.comesSomething(within: .seconds(60)) {
            if try !self.takeSome() { return }
        }
    }
}
