import AMQPWire
import Glibc

/// What a broker did not do.
struct RealFailure: Error, CustomStringConvertible {
    let description: String
}

/// A client of a RabbitMQ: octets out, what is seen in.
final class RealClient {
    private let descriptor: Int32
    private var reader = SeenReader()
    private(set) var version = ""
    /// What came and was not taken yet.
    private(set) var seen: [Seen] = []
    private(set) var isEnded = false

    /// Connects to this port of the loopback interface and logs in.
    init(_ port: UInt16, channels: [UInt16]) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(self.descriptor, $0, size) }
        }
        guard status == 0 else { throw RealFailure(description: "no broker at port \(port)") }
        var one: Int32 = 1
        setsockopt(self.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        for octets in try Wire.login("guest", "guest") {
            try self.send(octets)
            try self.await(20_000) { $0.contains { $0.channel == 0 } }
            for case .connectionStart(let start) in self.takeSeen().map(\.method) {
                self.version = start.serverProperties["version"]?.stringValue ?? ""
            }
        }
        for channel in channels { try self.open(channel) }
        _ = self.takeSeen()
    }

    deinit { close(self.descriptor) }

    func open(_ channel: UInt16) throws {
        try self.send(try Wire.open(channel))
        try self.await(20_000) { $0.contains { $0.channel == channel && $0.method.id == .channelOpenOk } }
    }

    func send(_ octets: [UInt8]) throws {
        var sent = 0
        while sent < octets.count {
            let count = octets.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
                return Glibc.send(self.descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw RealFailure(description: "the socket takes nothing more") }
            sent += count
        }
    }

    /// Reads until what has come is enough; false if it is not, after so many milliseconds.
    @discardableResult
    func await(_ milliseconds: Int32, _ isEnough: ([Seen]) -> Bool) throws -> Bool {
        var piece = [UInt8](repeating: 0, count: 65_536)
        while !isEnough(self.seen) {
            if self.isEnded { return false }
            var waited = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waited, 1, milliseconds) > 0 else { return false }
            let count = recv(self.descriptor, &piece, piece.count, 0)
            guard count > 0 else {
                self.isEnded = true
                return isEnough(self.seen)
            }
            self.seen += try self.reader.read(Array(piece[..<count]))
        }
        return true
    }

    func takeSeen() -> [Seen] {
        defer { self.seen = [] }
        return self.seen
    }

    /// Forgets what came on a channel.
    func drop(_ channel: UInt16) { self.seen.removeAll { $0.channel == channel } }

    /// Takes one out that came, the last of its kind.
    func take(_ id: MethodID, on channel: UInt16) -> Method? {
        guard let index = self.seen.lastIndex(where: { $0.channel == channel && $0.method.id == id }) else {
            return nil
        }
        return self.seen.remove(at: index).method
    }
}
