/// One line of a web server's log in the combined format:
/// `address identity user [time] "request" status bytes "referrer" "agent"`.
///
/// The last two may be missing, as in the common format.
package struct AccessLogLine: Equatable, Sendable {
    /// The client, IPv4 or IPv6.
    package let address: String
    /// For instance `GET`.
    package let method: String
    /// The path as it was asked for, with its query.
    package let path: String
    /// 100...599.
    package let status: Int
    /// Octets of the answer, at most 2^40; 0 for `-`.
    package let bytes: Int

    /// Why a line can not be read.
    package struct Malformed: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// - Throws: The first thing that is wrong with the line.
    package init(_ line: Substring) throws(Malformed) {
        guard let open = line.firstIndex(of: "["), let close = line[open...].firstIndex(of: "]") else {
            throw Malformed(description: "no [time]")
        }
        let front = line[..<open].split(separator: " ")
        guard front.count == 3, let address = front.first else {
            throw Malformed(description: "\(front.count) fields before [time] instead of 3")
        }
        let rest = line[close...].dropFirst().drop { $0 == " " }
        guard rest.first == "\"", let end = Self.closingQuote(of: rest.dropFirst()) else {
            throw Malformed(description: "no \"request\"")
        }
        let request = rest[..<end].dropFirst().split(separator: " ")
        guard request.count == 3 else { throw Malformed(description: "the request is not 'METHOD path version'") }
        let numbers = rest[end...].dropFirst().prefix { $0 != "\"" }.split(separator: " ")
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

    /// Servers write a quote inside a quoted field as `\"`.
    private static func closingQuote(of text: Substring) -> Substring.Index? {
        var isEscaped = false
        for index in text.indices {
            if text[index] == "\"", !isEscaped { return index }
            isEscaped = text[index] == "\\" && !isEscaped
        }
        return nil
    }
}
