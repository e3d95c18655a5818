import AMQPBrokerServer
import NIOCore

/// Where `millrace broker` is to listen, as it was typed: `127.0.0.1:5672`, `[::1]:0`, or the path of a Unix socket.
struct ListenPlace: Equatable {
    enum Kind: Equatable {
        /// An address of this machine, as the system has looked it up.
        case port(SocketAddress)
        case socket(path: String)
    }

    /// Why it is no place.
    struct Refusal: Error, CustomStringConvertible, Equatable { let description: String }

    let kind: Kind

    /// A text with a slash in it is a path; names of hosts are looked up.
    init(_ text: String) throws(Refusal) {
        if text.contains("/") {
            // What the system has room for, with its end.
            guard text.utf8.count < 108 else { throw Refusal(description: "the path is too long for a Unix socket") }
            guard text.utf8.last != UInt8(ascii: "/") else { throw Refusal(description: "'\(text)' is a folder") }
            self.kind = .socket(path: text)
            return
        }
        guard let (host, port) = Self.split(text) else {
            throw Refusal(
                description:
                    "--listen takes ADDRESS:PORT, as 127.0.0.1:5672 or [::1]:0, or the path of a Unix socket, as ./broker.sock"
            )
        }
        do {
            self.kind = .port(try SocketAddress.makeAddressResolvingHost(host, port: port))
        } catch {
            throw Refusal(description: "there is no address '\(host)'")
        }
    }

    /// Whether other machines can not reach it.
    var isLocal: Bool {
        guard case .port(let address) = self.kind else { return true }
        // As the system writes it.
        let text = address.ipAddress ?? ""
        return address.protocol == .inet ? text.hasPrefix("127.") : text == "::1"
    }

    var broker: BrokerPlace {
        switch self.kind {
        case .port(let address): .tcp(host: address.ipAddress ?? "127.0.0.1", port: address.port ?? 0)
        case .socket(let path): .unix(path: path)
        }
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    private static func split(_ text: String) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        return host.isEmpty ? nil : (String(host), Int(port))
    }
}
