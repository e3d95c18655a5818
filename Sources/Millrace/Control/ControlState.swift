import AMQPClient
import Glibc

/// The file in which what operators have changed outlives the process.
///
/// Written whole, under another name, and then renamed: whoever reads it finds the old or the new one.
package struct ControlState: Sendable {
    let path: String

    package init(path: String) { self.path = path }

    /// Why it can not be used.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// What it holds; nothing if it is not there.
    ///
    /// - Throws: If it can not be read, or is something else.
    package func read() throws(Failure) -> Overrides {
        let descriptor = open(self.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return Overrides() }
            throw self.failure("can not be read", errno)
        }
        defer { close(descriptor) }
        var octets = [UInt8](repeating: 0, count: YAMLLimits.fileBytes + 1)
        var count = 0
        while count < octets.count {
            let capacity = octets.count - count
            let taken = octets.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), capacity)
            }
            if taken < 0, errno == EINTR { continue }
            if taken < 0 { throw self.failure("can not be read", errno) }
            if taken == 0 { break }
            count += taken
        }
        guard let overrides = Overrides(text: String(decoding: octets[..<count], as: UTF8.self)) else {
            throw Failure(description: "\(self.path) is no control state; move it away")
        }
        return overrides
    }

    /// Writes all of it.
    ///
    /// - Throws: If it can not be written; then the old one is there still.
    package func write(_ overrides: Overrides) throws(Failure) {
        let draft = self.path + ".new"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw self.failure("can not be written", errno) }
        var rest = Array(overrides.text.utf8)[...]
        var code: Int32 = 0
        while !rest.isEmpty, code == 0 {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR { code = errno }
        }
        if code == 0, fsync(descriptor) != 0 { code = errno }
        if close(descriptor) != 0, code == 0, errno != EINTR { code = errno }
        if code == 0, rename(draft, self.path) != 0 { code = errno }
        guard code == 0 else {
            unlink(draft)
            throw self.failure("can not be written", code)
        }
    }

    private func failure(_ what: String, _ code: Int32) -> Failure {
        Failure(description: "\(self.path) \(what): \(String(cString: strerror(code)))")
    }
}
