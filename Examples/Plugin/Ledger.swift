import Glibc

/// A file that lines are appended to, many with one write; closed when it goes out of scope.
package struct Ledger: ~Copyable {
    private let path: String
    private let descriptor: CInt

    /// Why nothing can be written: which file, and the reason.
    package struct Unwritable: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// Opens the file, or makes it.
    ///
    /// - Throws: It can not be opened for writing.
    package init(path: String) throws(Unwritable) {
        self.path = path
        self.descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard self.descriptor >= 0 else {
            throw Unwritable(description: "'\(path)' can not be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit { if self.descriptor >= 0 { close(self.descriptor) } }

    /// Appends lines and waits until the disk has them; nothing for no lines.
    ///
    /// - Throws: They may be there in part: whoever appends them again has some of them twice.
    package borrowing func append(_ lines: [String]) throws(Unwritable) {
        guard !lines.isEmpty else { return }
        let octets = lines.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] }
        var written = 0
        while written < octets.count {
            let count = octets[written...].withUnsafeBytes { write(self.descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw self.failure }
            written += count
        }
        // Devices have no disk to wait for.
        guard fdatasync(self.descriptor) == 0 || errno == EINVAL || errno == EROFS else { throw self.failure }
    }

    private var failure: Unwritable {
        Unwritable(description: "'\(self.path)' can not be written: \(String(cString: strerror(errno)))")
    }
}
