/// Text of programs, made fit for one line of a log.
enum PlainLine {
    /// Control and direction characters are written out, as `\u{1b}`.
    static func make(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        var written = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "\t" {
                written.append(" ")
            } else if Self.isHidden(scalar) {
                written.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            } else {
                written.append(scalar)
            }
        }
        return String(written)
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
        return switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        // Joiners belong to letters.
        case .format: !(0x200C...0x200D).contains(scalar.value)
        default: false
        }
    }
}
