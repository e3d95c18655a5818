/// One line of a web server's log in the combined format:
/// `address identity user [time] "request" status bytes "referrer" "agent"`.
package struct AccessLogLine: Equatable, Sendable {
    package let address: String
    package let method: String
    package let path: String
    package let status: Int
    /// Octets of the answer; 0 for `-`.
    package let bytes: Int

    /// Why a line can not be read.
    package struct Malformed: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package init(_ line: Substring) throws(Malformed) {
        guard let open = line.firstIndex(of: "["), let close = line[open...].firstIndex(of: "]") else {
            throw Malformed(description: "no [time]")
        }
        let front = line[..<open].split(separator: " ")
        guard front.count == 3, let address = front.first else {
            throw Malformed(description: "\(front.count) fields before [time] instead of 3")
        }
        let quoted = line[close...].split(separator: "\"", omittingEmptySubsequences: false)
        guard quoted.count >= 3 else { throw Malformed(description: "no \"request\"") }
        let request = quoted[1].split(separator: " ")
        guard request.count == 3 else { throw Malformed(description: "the request is not 'METHOD path version'") }
        let numbers = quoted[2].split(separator: " ")
        guard numbers.count == 2 else { throw Malformed(description: "no status and size after the request") }
        guard let status = Int(numbers[0]), (100...599).contains(status) else {
            throw Malformed(description: "status '\(numbers[0])' is not 100...599")
        }
        // The end keeps the sum of a block far from what an Int holds.
        guard let bytes = numbers[1] == "-" ? 0 : Int(numbers[1]), (0...1 << 40).contains(bytes) else {
            throw Malformed(description: "size '\(numbers[1])' is no number of octets up to 2^40")
        }
        self.address = String(address)
        self.method = String(request[0])
        self.path = String(request[1])
        self.status = status
        self.bytes = bytes
    }
}

/// What a block of lines adds up to.
package struct AccessLogSummary: Equatable, Sendable {
    package private(set) var lines = 0
    package private(set) var bytes = 0
    package private(set) var statuses: [Int: Int] = [:]

    /// - Throws: The first malformed line, with its number in the block.
    package init(_ block: String) throws(AccessLogLine.Malformed) {
        for (index, text) in block.split(whereSeparator: \.isNewline).enumerated() {
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

    /// The summary as a JSON object.
    package var json: String {
        let counts = self.statuses.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
        return "{\"lines\":\(self.lines),\"bytes\":\(self.bytes),\"statuses\":{\(counts.joined(separator: ","))}}"
    }
}
