/// Text of strangers, made fit for a terminal: messages come from anywhere, and escape sequences can do harm.
enum PlainText {
    /// One line, whatever is in it.
    ///
    /// - Parameters:
    ///   - text: Control and direction characters in it are written out, as `\u{1b}`.
    ///   - limit: Characters before a mark that something is missing.
    /// - Returns: What can be printed.
    static func line(_ text: String, limit: Int = .max) -> String {
        var line = ""
        var count = 0
        for scalar in text.unicodeScalars {
            if count == limit { return line + "…" }
            count += 1
            switch scalar {
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case _ where Self.isHidden(scalar): line += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        // Joiners belong to letters; what turns the direction does not.
        case .format: !(0x200C...0x200D).contains(scalar.value)
        default: false
        }
    }

    /// A body as text if it is UTF-8 without control characters, else as a dump: offset, octets, ASCII.
    static func body(_ octets: ArraySlice<UInt8>) -> String {
        // A cut may have split the last character: up to three octets of it are no reason for a dump.
        for cut in 0...3 where octets.count >= cut {
            guard let text = String(validating: octets.dropLast(cut), as: UTF8.self) else { continue }
            let isText = text.unicodeScalars.allSatisfy { "\n\r\t".unicodeScalars.contains($0) || !Self.isHidden($0) }
            return isText ? text : Self.dump(octets)
        }
        return Self.dump(octets)
    }

    private static func dump(_ octets: ArraySlice<UInt8>) -> String {
        var lines: [String] = []
        var rest = octets
        while !rest.isEmpty {
            let row = rest.prefix(16)
            let hex = row.map { Self.hex(Int($0), digits: 2) }.joined(separator: " ")
            let padding = String(repeating: " ", count: 47 - hex.count)
            let ascii = String(decoding: row.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
            lines.append("\(Self.hex(row.startIndex - octets.startIndex, digits: 8))  \(hex)\(padding)  |\(ascii)|")
            rest = rest.dropFirst(16)
        }
        return lines.joined(separator: "\n")
    }

    private static func hex(_ value: Int, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
