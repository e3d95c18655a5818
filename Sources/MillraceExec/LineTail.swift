/// The last lines of what a program said, for the reason of a failure.
struct LineTail: Sendable, Equatable {
    private static let most = 5
    /// Characters of the text.
    private static let longest = 1000

    private var lines: [String] = []

    mutating func add(_ line: String) {
        self.lines.append(line)
        if self.lines.count > Self.most { self.lines.removeFirst() }
    }

    /// On one line; empty if nothing was said.
    var text: String {
        let text = self.lines.joined(separator: " | ")
        return text.count <= Self.longest ? text : "…" + text.suffix(Self.longest)
    }
}
