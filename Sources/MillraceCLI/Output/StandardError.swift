import Glibc

enum StandardError {
    /// Writes a text and a line end, if it has none.
    static func write(_ text: String) {
        let line = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)
        _ = Glibc.write(STDERR_FILENO, line, line.count)
    }
}
