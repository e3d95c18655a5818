/// What waits for a stream that takes nothing at the moment, as a value: the oldest stays, and what comes when it is full is
/// dropped and counted, until all that waits has gone.
struct OutputBacklog {
    private struct Line {
        var octets: [UInt8]
        /// How many lines are missing if this one is: the line that says so stands for all of them.
        let weight: Int
    }
    private let limit: Int
    private var lines: [Line] = []
    /// The first one that has not gone.
    private var head = 0
    /// Octets of that one that have.
    private var sent = 0
    private var bytes = 0
    /// Lines that found no room since ``takeDropped()``.
    private(set) var dropped = 0

    /// - Parameter limit: Octets that may wait.
    init(limit: Int = 1 << 20) { self.limit = limit }

    var isEmpty: Bool { self.head == self.lines.count }

    /// Takes a line in behind the others, or drops it.
    ///
    /// - Parameters:
    ///   - line: With its end.
    ///   - weight: How many were dropped before, if this is the line that says so.
    mutating func offer(_ line: [UInt8], weight: Int = 1) {
        guard self.dropped == 0, self.bytes + line.count <= self.limit else {
            self.dropped += weight
            return
        }
        self.lines.append(Line(octets: line, weight: weight))
        self.bytes += line.count
    }

    /// Nothing that waits can be written: all of it is missing.
    mutating func fail() {
        self.dropped += self.lines[self.head...].reduce(0) { $0 + $1.weight }
        self.lines.removeAll()
        (self.head, self.sent, self.bytes) = (0, 0, 0)
    }

    /// What goes next: nothing if it is empty.
    var next: ArraySlice<UInt8> { self.isEmpty ? [] : self.lines[self.head].octets.dropFirst(self.sent) }

    /// So many octets of ``next`` have gone.
    mutating func wrote(_ count: Int) {
        self.sent += count
        guard !self.isEmpty, self.sent >= self.lines[self.head].octets.count else { return }
        self.bytes -= self.lines[self.head].octets.count
        self.lines[self.head].octets = []
        self.head += 1
        self.sent = 0
        if self.isEmpty {
            self.lines.removeAll()
            self.head = 0
        }
    }

    /// How many lines were dropped, once all before them have gone: the next ones are taken again.
    mutating func takeDropped() -> Int {
        guard self.isEmpty else { return 0 }
        defer { self.dropped = 0 }
        return self.dropped
    }
}
