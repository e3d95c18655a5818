/// Text of strangers, made fit for a terminal and for one line of a log.
///
/// Whatever a broker, a message, a handler, a file or an argument says may hold what a terminal obeys. All that this
/// project prints or logs goes through here; what has been through once comes out the same the second time.
package enum PlainText {
    /// One line, whatever is in it.
    ///
    /// - Parameters:
    ///   - text: Control and direction characters in it are written out, as `\u{1b}`.
    ///   - limit: Characters before a mark that something is missing.
    /// - Returns: What can be printed.
    package static func line(_ text: String, limit: Int = .max) -> String {
        if limit == .max, Self.isPlain(text) { return text }
        return Self.written(text.unicodeScalars, keeping: [], limit: limit)
    }

    /// Several lines: as ``line(_:limit:)``, but line feeds and tabs stay.
    package static func block(_ text: String) -> String {
        Self.isPlain(text) ? text : Self.written(text.unicodeScalars, keeping: ["\n", "\t"], limit: .max)
    }

    /// Whether a terminal would act on it, or show nothing of it.
    package static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
        return switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        // Joiners belong to letters; what turns the direction, or is never seen, does not.
        case .format: !(0x200C...0x200D).contains(scalar.value)
        default: false
        }
    }

    /// The usual text needs no second look.
    private static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20...0x7E).contains($0) } }

    private static func written(
        _ scalars: String.UnicodeScalarView,
        keeping kept: [Unicode.Scalar],
        limit: Int
    ) -> String {
        var written = String.UnicodeScalarView()
        var count = 0
        for scalar in scalars {
            if count == limit {
                written.append("…")
                break
            }
            count += 1
            if kept.contains(scalar) || !Self.isHidden(scalar) {
                written.append(scalar)
            } else {
                written.append(contentsOf: Self.name(scalar).unicodeScalars)
            }
        }
        return String(written)
    }

    private static func name(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default: "\\u{" + String(scalar.value, radix: 16) + "}"
        }
    }
}
