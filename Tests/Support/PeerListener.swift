package import AMQPClient
import Glibc

/// A TCP listener on 127.0.0.1 that gives its first client to a script, on a thread of its own.
///
/// The script is a part of the calling task: its expectations know their test.
package enum PeerListener {
    /// Seconds that any one read of a script may take.
    private static let patience = 60

    /// Runs the script and the client against each other, and ends when both have.
    ///
    /// - Throws: What the script threw, since it saw the cause; else what the client threw.
    package static func run<R>(
        _ script: @escaping @Sendable (ScriptedPeer) throws -> Void,
        client: (Endpoint) throws -> R
    ) throws -> R {
        let (listener, port) = try Self.listen(backlog: 1)
        let outcome = Monitor<Result<Void, any Error>?>(nil)
        Task(executorPreference: OwnThread()) {
            let result = Result {
                let accepted = accept(listener, nil, nil)
                close(listener)
                guard accepted >= 0 else { throw PeerFailure("no client came") }
                defer { close(accepted) }
                Self.limitReads(accepted)
                try script(ScriptedPeer(descriptor: accepted))
            }
            outcome.withLock { $0 = result }
            outcome.broadcast()
        }
        let result = Result { try client(Endpoint(host: "127.0.0.1", port: port)) }
        try outcome.wait(until: nil) { $0 }?.get()
        return try result.get()
    }

    /// A listening socket, and its port.
    static func listen(backlog: Int32) throws -> (Int32, Int) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.address(port: 0)
        let isListening = withUnsafePointer(to: &address) { pointer in
            // The socket calls want their general address type.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                bind(listener, general, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                    && Glibc.listen(listener, backlog) == 0
            }
        }
        guard isListening else { throw PeerFailure("can not listen: \(String(cString: strerror(errno)))") }
        Self.limitReads(listener)
        return (listener, Self.port(of: listener))
    }

    /// 127.0.0.1 with this port.
    static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        address.sin_port = UInt16(port).bigEndian
        return address
    }

    /// The port of a socket's own end; 0 if it has none.
    static func port(of descriptor: Int32) -> Int {
        var address = Self.address(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    static func limitReads(_ descriptor: Int32) {
        var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
}
