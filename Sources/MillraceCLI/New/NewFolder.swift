import AMQPClient
import Glibc
import Millrace

/// A folder that is made with all that is in it, and only if it is not there.
struct NewFolder {
    let path: String

    /// Why it can not be made: status 73.
    struct Refusal: Error, CustomStringConvertible {
        let description: String

        init(_ path: String, _ code: Int32) {
            let reason = code == EEXIST ? "it is there already" : String(cString: strerror(code))
            self.description = "\(PlainText.line(path)) can not be made: \(reason)"
        }
    }

    /// - Throws: What can not be made; what was made before it stays.
    func write(_ files: [PackageTemplate.File]) throws(Refusal) {
        try self.make(self.path, mayBeThere: false)
        for file in files {
            var folder = self.path
            for part in file.path.split(separator: "/").dropLast() {
                folder += "/\(part)"
                try self.make(folder, mayBeThere: true)
            }
            try self.write(file)
        }
    }

    private func make(_ folder: String, mayBeThere: Bool) throws(Refusal) {
        guard mkdir(folder, 0o777) != 0 else { return }
        let code = errno
        if mayBeThere, code == EEXIST { return }
        throw Refusal(folder, code)
    }

    private func write(_ file: PackageTemplate.File) throws(Refusal) {
        let path = "\(self.path)/\(file.path)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Refusal(path, errno) }
        defer { close(descriptor) }
        let octets = Array(file.text.utf8)
        var done = 0
        while done < octets.count {
            let count = octets[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Refusal(path, errno) }
            done += count
        }
    }
}
