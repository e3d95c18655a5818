import AMQPClient
import Glibc

enum StandardError {
    /// One line, whatever is in it.
    static func write(_ text: String) { self.send(PlainText.line(text)) }

    /// Lines that are made here, of parts that have been through `PlainText`.
    static func block(_ text: String) {
        let shown = PlainText.block(text)
        self.send(shown.utf8.last == UInt8(ascii: "\n") ? String(shown.dropLast()) : shown)
    }

    private static func send(_ text: String) {
        // There is nobody to tell that it did not go.
        _ = Descriptor.write(Array((text + "\n").utf8), to: STDERR_FILENO)
    }
}
