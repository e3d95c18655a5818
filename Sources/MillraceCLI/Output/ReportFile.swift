import Glibc

/// The file of a report: opened before the work begins, written when it has ended.
///
/// It is written over only if it is empty or a report: whoever names the wrong file loses nothing.
struct ReportFile {
    private let path: String
    private let descriptor: Int32

    /// Why there can be no report: status 73.
    struct Refusal: Error, CustomStringConvertible {
        let description: String

        init(_ path: String, _ what: String) { self.description = "the report can not be written to \(path): \(what)" }
    }

    /// Opens `path`, made if it is not there; what an earlier run has written goes.
    ///
    /// - Throws: Why it can not be written, with nothing changed.
    static func open(_ path: String) throws(Refusal) -> ReportFile {
        var status = stat()
        let isSpecial = stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
        // A pipe, a terminal, a device are only written to; and nobody may come to read a pipe.
        let mode = isSpecial ? O_WRONLY | O_NONBLOCK | O_NOCTTY : O_RDWR | O_CREAT
        let descriptor = Glibc.open(path, mode | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw Refusal(path, errno == ENXIO ? "nobody reads this pipe" : String(cString: strerror(errno)))
        }
        let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        if isFile, status.st_size > 0, !Self.isReport(descriptor) {
            close(descriptor)
            throw Refusal(path, "it is there and is no report; name another file, or remove it")
        }
        if isFile, ftruncate(descriptor, 0) != 0 {
            let code = errno
            close(descriptor)
            throw Refusal(path, String(cString: strerror(code)))
        }
        return ReportFile(path: path, descriptor: descriptor)
    }

    private static func isReport(_ descriptor: Int32) -> Bool {
        let expected = Array(StatusReport.beginning.utf8)
        var octets = [UInt8](repeating: 0, count: expected.count)
        return pread(descriptor, &octets, octets.count, 0) == octets.count && octets == expected
    }

    /// Writes the text and closes the file.
    ///
    /// - Parameters:
    ///   - text: The report.
    ///   - deadline: How long who reads a pipe may take, in nanoseconds of the monotonic clock.
    /// - Throws: Why it could not be written.
    func write(_ text: String, until deadline: UInt64) throws(OutputError) {
        var code = Descriptor.write(Array(text.utf8), to: self.descriptor, until: deadline)
        if close(self.descriptor) != 0, code == 0, errno != EINTR { code = errno }
        if code != 0 { throw OutputError("the report can not be written to \(self.path)", code) }
    }
}
