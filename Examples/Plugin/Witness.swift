import Glibc
import MillraceHandler

/// A file that outlives the process and all its crashes: each line is one write, at the file's end whoever writes too.
final class Witness {
    private let descriptor: CInt

    init(path: String) throws {
        self.descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard self.descriptor >= 0 else {
            throw OptionError(key: "witness", reason: "can not be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit { if self.descriptor >= 0 { close(self.descriptor) } }

    struct Unwritable: Error {}

    func append(_ text: String) throws {
        let line = Array("\(text)\n".utf8)
        guard write(self.descriptor, line, line.count) == line.count else { throw Unwritable() }
    }
}
