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

    /// One line, as far as there is room for it in time: for an end that must come.
    static func last(_ text: String, within time: Duration = .seconds(1)) {
        let port = OutputPort(STDERR_FILENO)
        let deadline = MonotonicClock.now() &+ time.nanoseconds
        var rest = Array((PlainText.line(text) + "\n").utf8)[...]
        while !rest.isEmpty, MonotonicClock.now() < deadline {
            switch port.write(rest) {
            case .octets(let count): rest = rest.dropFirst(count)
            case .full: port.awaitRoom(milliseconds: 100)
            case .failed: return
            }
        }
    }

    private static func send(_ text: String) {
        // There is nobody to tell that it did not go.
        _ = Descriptor.write(Array((text + "\n").utf8), to: STDERR_FILENO)
    }
}
