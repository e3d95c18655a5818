import AMQPClient
import Glibc

/// What a command prints: it is written, or the command fails.
enum StandardOutput {
    /// Writes one line, whatever is in it.
    ///
    /// - Throws: Why it could not be written.
    static func line(_ text: String) throws(OutputError) { try Self.send(PlainText.line(text) + "\n") }

    /// Writes lines that are made here, of parts that have been through `PlainText`.
    static func block(_ text: String, terminator: String = "\n") throws(OutputError) {
        try Self.send(PlainText.block(text) + terminator)
    }

    /// The same for several of them.
    static func write(_ lines: [String]) throws(OutputError) {
        if !lines.isEmpty { try Self.block(lines.joined(separator: "\n")) }
    }

    private static func send(_ text: String) throws(OutputError) {
        let code = Descriptor.write(Array(text.utf8), to: STDOUT_FILENO)
        if code != 0 { throw OutputError("standard output can not be written", code) }
    }

    /// Nothing is written any more: some file systems say only now that there was no room.
    static func finish() throws(OutputError) {
        guard close(STDOUT_FILENO) != 0, errno != EBADF, errno != EINTR else { return }
        throw OutputError("standard output can not be written", errno)
    }
}

/// Something could not be written, or read: status 74.
struct OutputError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
    init(_ what: String, _ code: Int32) { self.description = "\(what): \(String(cString: strerror(code)))" }
}
