/// What a plain scalar says: the core schema of YAML 1.2, less its octal, hexadecimal and infinite numbers, so that
/// `yes`, `0x10`, `010` and `12:30` are all text.
package enum PlainScalar: Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    /// A number that no 64 bits hold.
    case hugeNumber
    case text

    package init(_ text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .bool(true)
        case "false", "False", "FALSE": self = .bool(false)
        default: self = Self.number(text)
        }
    }

    private static func number(_ text: String) -> Self {
        let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? text.utf8.dropFirst() : text.utf8[...]
        guard let first = unsigned.first, Self.isDigit(first) || first == UInt8(ascii: ".") else { return .text }
        if unsigned.allSatisfy(Self.isDigit) {
            guard unsigned.count == 1 || first != UInt8(ascii: "0") else { return .text }
            return Int64(text).map { .int($0) } ?? .hugeNumber
        }
        let allowed = unsigned.allSatisfy { Self.isDigit($0) || ".eE+-".utf8.contains($0) }
        // A dot needs a digit beside it: "1." and ".5" are numbers, "." and ".e5" are not.
        guard allowed, unsigned.prefix(2).contains(where: Self.isDigit), let value = Double(text) else { return .text }
        return value.isFinite ? .double(value) : .hugeNumber
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
