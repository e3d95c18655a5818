import Glibc

/// A file opened for reading that is proven to lie below a folder; closed when it goes out of scope.
package struct BoundedFile: ~Copyable {
    private let name: String
    private let descriptor: CInt

    /// Why a file can not be read: which, and the reason.
    package struct Unreadable: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// Opens a regular file.
    ///
    /// - Parameters:
    ///   - name: Relative to `root`.
    ///   - root: The folder; it may be a link, but no link in `name` may lead out of it.
    /// - Throws: The name leaves the folder, is missing, is no regular file, or may not be read.
    package init(_ name: String, below root: String) throws(Unreadable) {
        guard !name.isEmpty, !name.utf8.contains(0) else { throw Unreadable(description: "the message names no file") }
        guard Self.staysInside(name) else { throw Unreadable(description: "'\(name)' leads out of the folder") }
        guard let folder = Self.resolved(root) else { throw Self.unreadable(root, "the folder can not be found") }
        guard let path = Self.resolved("\(folder)/\(name)") else { throw Self.unreadable(name, "can not be found") }
        guard folder == "/" || path == folder || path.hasPrefix("\(folder)/") else {
            throw Unreadable(description: "'\(name)' is a link that leads out of the folder")
        }
        // O_NONBLOCK: opening a named pipe would wait for its writer. O_NOFOLLOW: no link is left in the path, unless
        // somebody has just put one there.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Self.unreadable(name, "can not be opened") }
        var status = stat()
        let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        guard isRegular else {
            close(descriptor)
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw Unreadable(description: "'\(name)' is \(isFolder ? "a directory" : "no regular file")")
        }
        self.name = name
        self.descriptor = descriptor
    }

    deinit { close(self.descriptor) }

    /// Fills the chunk from its start.
    ///
    /// - Returns: How many octets were read; 0 at the end of the file.
    package func read(into chunk: inout [UInt8]) throws(Unreadable) -> Int {
        while true {
            let count = Glibc.read(self.descriptor, &chunk, chunk.count)
            if count >= 0 { return count }
            if errno != EINTR { throw Self.unreadable(self.name, "can not be read") }
        }
    }

    /// Whether a name is neither absolute nor goes through `..`; says nothing about links.
    package static func staysInside(_ name: String) -> Bool {
        !name.hasPrefix("/") && !name.split(separator: "/").contains("..")
    }

    /// The path without links, `.` and `..`; nil, and a reason in `errno`, if it leads nowhere.
    private static func resolved(_ path: String) -> String? {
        guard let octets = realpath(path, nil) else { return nil }
        defer { free(octets) }
        return String(cString: octets)
    }

    private static func unreadable(_ name: String, _ what: String) -> Unreadable {
        Unreadable(description: "'\(name)' \(what): \(String(cString: strerror(errno)))")
    }
}
