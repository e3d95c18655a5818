import Synchronization

/// What handlers on other threads have seen, for the test to look at.
final class Seen: Sendable {
    private let texts = Mutex<[String]>([])

    var lines: [String] { self.texts.withLock { $0 } }
    func note(_ line: String) { self.texts.withLock { $0.append(line) } }
    func note(_ lines: [String]) { self.texts.withLock { $0 += lines } }
}
