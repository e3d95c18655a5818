import Glibc

/// A socket in the file system, which stays when its process dies.
package enum SocketFile {
    /// Whether somebody listens there.
    package static func isAlive(_ path: String) -> Bool {
        let descriptor = socket(
            AF_UNIX,
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
            0
        )
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard var address = Self.address(path) else { return false }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        // A full backlog is somebody's.
        return result == 0 || errno == EAGAIN
    }

    /// Makes one that only this user, and root, can connect to, and listens.
    ///
    /// Its mode is that of the socket when it is bound: the mask for new files, which is the whole process's and which programs
    /// that start meanwhile would inherit, stays as it is.
    ///
    /// - Returns: Its descriptor, the caller's.
    /// - Throws: What the system refuses.
    static func listen(_ path: String, backlog: Int32) throws(DoorFailure) -> Int32 {
        guard var address = Self.address(path) else {
            throw DoorFailure("\(path) can not be opened: the path is too long for a socket")
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Self.failure(path) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let isBound = withUnsafePointer(to: &address) { pointer in
            // The socket calls want their general address type.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                fchmod(descriptor, 0o600) == 0 && bind(descriptor, general, size) == 0
            }
        }
        guard isBound, Glibc.listen(descriptor, backlog) == 0 else {
            defer { close(descriptor) }
            throw Self.failure(path)
        }
        return descriptor
    }

    private static func failure(_ path: String) -> DoorFailure {
        DoorFailure("\(path) can not be opened: \(String(cString: strerror(errno)))")
    }

    /// Removes one that nobody listens at.
    ///
    /// - Throws: If something else is there.
    package static func removeDead(_ path: String) throws(DoorFailure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw DoorFailure("\(path) is there, and is no socket") }
        if unlink(path) != 0, errno != ENOENT {
            throw DoorFailure("\(path) is left over and can not be removed: \(String(cString: strerror(errno)))")
        }
    }

    private static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let octets = Array(path.utf8)
        guard octets.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: octets) }
        return address
    }
}
