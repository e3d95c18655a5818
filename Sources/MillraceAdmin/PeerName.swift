import Glibc
import NIOCore

/// Who is at the other end of a socket, as the system says.
enum PeerName {
    /// The user's name; nil if it is neither this process's user nor root, who may not come in.
    static func of(_ channel: any Channel) -> EventLoopFuture<String?> {
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(nil)
        }
        // The type is right: the system fills in an `ucred`, as unix(7) has it.
        let credentials: EventLoopFuture<Credentials> = options.unsafeGetSocketOption(
            level: .init(rawValue: SOL_SOCKET),
            name: .init(rawValue: SO_PEERCRED)
        )
        return credentials.map { peer in
            peer.user == getuid() || peer.user == 0 ? Self.name(of: peer.user) : nil
        }
    }

    /// `struct ucred`, which needs `_GNU_SOURCE` in C.
    private struct Credentials {
        let process: Int32
        let user: UInt32
        let group: UInt32
    }

    private static func name(of user: uid_t) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name
        else {
            return "user \(user)"
        }
        return String(cString: name)
    }
}
