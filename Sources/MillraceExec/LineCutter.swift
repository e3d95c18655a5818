/// Cuts what a program writes into lines, each of a bounded length.
struct LineCutter {
    /// Octets of a line before it is cut off.
    static let longest = 4096

    private var rest: [UInt8] = []
    private var isCutOff = false

    /// Takes in octets; gives the lines that are whole by them, made fit for a log.
    ///
    /// Empty ones are left out.
    mutating func add(_ octets: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for octet in octets {
            if octet == 0x0A {
                if let line = self.finish() { lines.append(line) }
            } else if self.rest.count < Self.longest {
                self.rest.append(octet)
            } else {
                self.isCutOff = true
            }
        }
        return lines
    }

    /// The last line, which may have no end; nil if there is none.
    mutating func finish() -> String? {
        if self.rest.last == 0x0D { self.rest.removeLast() }
        defer {
            self.rest.removeAll(keepingCapacity: true)
            self.isCutOff = false
        }
        if self.rest.isEmpty { return nil }
        return PlainLine.make(String(decoding: self.rest, as: UTF8.self)) + (self.isCutOff ? "…" : "")
    }
}
