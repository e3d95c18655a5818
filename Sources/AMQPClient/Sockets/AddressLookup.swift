import AMQPCore
import Glibc
import NIOCore

/// The addresses of a host, as the system gives them.
enum AddressLookup {
    /// Looks a name up; an address needs no look.
    ///
    /// Blocks the calling thread.
    ///
    /// - Parameters:
    ///   - host: A name, or an address without brackets.
    ///   - port: Of each address.
    ///   - deadline: In nanoseconds of ``MonotonicClock``; the system itself would wait for a silent name server for longer.
    /// - Returns: One or more, in the system's order of preference, each once.
    /// - Throws: `.unreachable` with the system's words, `.timeout`.
    static func addresses(of host: String, port: Int, until deadline: UInt64) throws(AMQPError) -> [SocketAddress] {
        if let addresses = try? Self.look(host, port, flags: AI_NUMERICHOST).get() { return addresses }
        let answer = Monitor<Result<[SocketAddress], AMQPError>?>(nil)
        do throws(ThreadError) {
            try WorkerThread.start(name: "amqp-lookup") {
                let result = Self.look(host, port, flags: 0)
                answer.withLock { $0 = result }
                answer.broadcast()
            }.detach()
        } catch {
            throw AMQPError(.connectionLost, scope: .connection, text: "\(error)")
        }
        guard let result = answer.wait(until: deadline, { $0 }) else {
            let text = "no connection to \(host):\(port): no answer to the question for its addresses"
            throw AMQPError(.timeout, scope: .connection, text: text)
        }
        return try result.get()
    }

    private static func look(_ host: String, _ port: Int, flags: Int32) -> Result<[SocketAddress], AMQPError> {
        var hints = addrinfo()
        hints.ai_flags = flags
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &first)
        defer { if let first { freeaddrinfo(first) } }
        var addresses: [SocketAddress] = []
        var entry = code == 0 ? first : nil
        while let current = entry {
            if let address = Self.address(current.pointee, host), !addresses.contains(address) {
                addresses.append(address)
            }
            entry = current.pointee.ai_next
        }
        if !addresses.isEmpty { return .success(addresses) }
        let reason = code == 0 ? "no address" : "the name can not be resolved (\(String(cString: gai_strerror(code))))"
        let text = "no connection to \(host):\(port): \(reason)"
        return .failure(AMQPError(.unreachable, scope: .connection, text: text))
    }

    private static func address(_ entry: addrinfo, _ host: String) -> SocketAddress? {
        guard let general = entry.ai_addr else { return nil }
        // The family says which of them the general address is.
        switch entry.ai_family {
        case AF_INET:
            return general.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                SocketAddress($0.pointee, host: host)
            }
        case AF_INET6:
            return general.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                SocketAddress($0.pointee, host: host)
            }
        default: return nil
        }
    }
}
