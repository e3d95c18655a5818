import Glibc
import Testing

/// Two ends of a local stream.
final class SocketPair {
    let ours: Int32
    let theirs: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        (self.ours, self.theirs) = (ends[0], ends[1])
    }

    deinit {
        close(self.ours)
        close(self.theirs)
    }

    func send(_ octets: [UInt8]) { _ = write(self.theirs, octets, octets.count) }

    func receive(_ count: Int) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: count)
        let got = read(self.theirs, &octets, count)
        return Array(octets.prefix(max(0, got)))
    }
}
