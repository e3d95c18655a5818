/// What a block of log lines adds up to.
package struct AccessLogSummary: Equatable, Sendable {
    /// Lines counted; empty ones are not.
    package private(set) var lines = 0
    /// Octets of all answers.
    package private(set) var bytes = 0
    /// How many answers had each status.
    package private(set) var statuses: [Int: Int] = [:]

    /// - Throws: The first malformed line, with its number in the block, from 1.
    package init(_ block: String) throws(AccessLogLine.Malformed) {
        let texts = block.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, text) in texts.enumerated() where !text.isEmpty {
            let line: AccessLogLine
            do throws(AccessLogLine.Malformed) {
                line = try AccessLogLine(text)
            } catch {
                throw AccessLogLine.Malformed(description: "line \(index + 1): \(error)")
            }
            self.lines += 1
            self.bytes += line.bytes
            self.statuses[line.status, default: 0] += 1
        }
        guard self.lines > 0 else { throw AccessLogLine.Malformed(description: "no line at all") }
    }

    // All in it are numbers, so nothing needs escaping.
    /// The summary as a JSON object.
    package var json: String {
        let counts = self.statuses.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
        return "{\"lines\":\(self.lines),\"bytes\":\(self.bytes),\"statuses\":{\(counts.joined(separator: ","))}}"
    }
}
