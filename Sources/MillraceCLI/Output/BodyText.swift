import AMQPClient

/// A message's body for people.
enum BodyText {
    /// As text if it is UTF-8 without control characters, else as a dump: offset, octets, ASCII.
    ///
    /// A carriage return is written out: alone it would let the text overwrite what stands before it on its line.
    static func text(_ octets: ArraySlice<UInt8>) -> String {
        // A cut may have split the last character: up to three octets of it are no reason for a dump.
        for cut in 0...3 where octets.count >= cut {
            guard let text = String(validating: octets.dropLast(cut), as: UTF8.self) else { continue }
            let isText = text.unicodeScalars.allSatisfy {
                "\n\r\t".unicodeScalars.contains($0) || !PlainText.isHidden($0)
            }
            return isText ? PlainText.block(text) : Self.dump(octets)
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
