import Glibc

enum StandardError {
    /// Writes a text and a line end, if it has none.
    static func write(_ text: String) {
        // There is nobody to tell that it did not go.
        _ = Descriptor.write(Array((text.hasSuffix("\n") ? text : text + "\n").utf8), to: STDERR_FILENO)
    }
}
