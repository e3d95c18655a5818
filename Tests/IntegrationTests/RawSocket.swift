import Foundation
import Glibc
import TestSupport

/// A socket that says whatever a test wants.
final class RawSocket {
    private let descriptor: Int32

    init(unix path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        self.descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        try self.connect(&address)
    }

    init(port: Int) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try self.connect(&address)
    }

    private func connect<Address>(_ address: inout Address) throws {
        let size = socklen_t(MemoryLayout<Address>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(self.descriptor, $0, size) }
        }
        if result != 0 { throw PeerFailure("connect: \(String(cString: strerror(errno)))") }
    }

    deinit { close(self.descriptor) }

    /// As much as goes without waiting.
    func send(_ text: String) {
        let octets = Array(text.utf8)
        _ = octets.withUnsafeBytes {
            Glibc.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
    }

    /// Sends, and gives all that comes until the other end hangs up.
    func exchange(_ text: String) -> String {
        self.send(text)
        var all: [UInt8] = []
        var octets = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(self.descriptor, &octets, octets.count, 0), count > 0 { all += octets[..<count] }
        return String(decoding: all, as: UTF8.self)
    }

    /// Whether the other end has hung up, by the next millisecond.
    var isHungUp: Bool {
        var ready = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, 1) > 0 else { return false }
        var octet: UInt8 = 0
        return recv(self.descriptor, &octet, 1, Int32(MSG_PEEK)) <= 0
    }
}
