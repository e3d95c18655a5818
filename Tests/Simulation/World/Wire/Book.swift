/// What all connections of a run write into.
final class Book {
    var ledger = Ledger()
    /// Memory of reads that somebody holds.
    var heldReads = 0

    /// What the broker may say when it closes: what the run had it say, and what time, or a queue that was deleted, has
    /// brought.
    func checkClose(
        _ frame: UnsafeRawBufferPointer,
        _ channel: UInt16?,
        _ report: (Violation.Invariant, String) -> Void
    ) {
        let (code, text) = (frame.number16(11), frame.short(13))
        if text.contains("simulated") || code == 404 || code == 406 && text.contains("timed out") { return }
        let place = channel.map { "channel \($0)" } ?? "the connection"
        report(.protocolKept, "the broker closes \(place): \(code) \(text)")
    }
}
