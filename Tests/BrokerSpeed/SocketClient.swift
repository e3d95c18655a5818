import AMQPWire
import Glibc

/// A client on a blocking socket, which reads frames for as long as somebody waits for one.
struct SocketClient: ~Copyable {
    struct Failure: Error { let what: String }

    private let descriptor: Int32
    private var read: [UInt8] = []

    init(port: Int) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        // A broker that answers nothing fails the run; it does not hang it.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let status = withUnsafeBytes(of: &address) { octets in
            octets.withMemoryRebound(to: sockaddr.self) {
                Glibc.connect(self.descriptor, $0.baseAddress, socklen_t(octets.count))
            }
        }
        guard status == 0 else { throw Failure(what: "nobody listens at port \(port)") }
    }

    deinit { close(self.descriptor) }

    func send(_ octets: [UInt8]) throws {
        var sent = 0
        while sent < octets.count {
            let count = octets[sent...].withUnsafeBytes { rest in
                Glibc.send(self.descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(what: "the broker takes nothing any more") }
            sent += count
        }
    }

    /// Reads frames until `isLast` says so of one: its type, and its payload.
    mutating func read(until isLast: (UInt8, ArraySlice<UInt8>) -> Bool) throws {
        var place = 0
        while true {
            while self.read.count - place >= Frame.overhead {
                let size = self.read[place + 3..<place + 7].reduce(0) { $0 << 8 | Int($1) }
                guard self.read.count - place >= size + Frame.overhead else { break }
                let payload = self.read[place + Frame.headerSize..<place + Frame.headerSize + size]
                let type = self.read[place]
                place += size + Frame.overhead
                guard !isLast(type, payload) else {
                    self.read.removeFirst(place)
                    return
                }
            }
            self.read.removeFirst(place)
            place = 0
            let came = [UInt8](unsafeUninitializedCapacity: 1 << 16) { octets, count in
                count = max(0, recv(self.descriptor, octets.baseAddress, octets.count, 0))
            }
            guard !came.isEmpty else { throw Failure(what: "the broker says nothing more") }
            self.read += came
        }
    }

    /// The next body, which is in one frame.
    mutating func body() throws -> [UInt8] {
        var body: [UInt8] = []
        try self.read { type, payload in
            guard type == Frame.body else { return false }
            body = Array(payload)
            return true
        }
        return body
    }

    /// Reads up to a method of this class and number.
    mutating func await(_ group: UInt8, _ id: UInt8) throws {
        try self.read { type, payload in
            type == Frame.method && payload.prefix(4).elementsEqual([0, group, 0, id])
        }
    }
}
