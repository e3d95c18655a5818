/// JSON as the host writes options; no Foundation, so that a plugin stays small.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([(String, JSONValue)])

    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let one), .bool(let other)): one == other
        case (.int(let one), .int(let other)): one == other
        case (.double(let one), .double(let other)): one == other
        case (.string(let one), .string(let other)): one == other
        case (.array(let one), .array(let other)): one == other
        case (.object(let one), .object(let other)): one.elementsEqual(other) { $0.0 == $1.0 && $0.1 == $1.1 }
        default: false
        }
    }
}

/// A strict reader of one JSON document (RFC 8259); nil for anything that is none.
package struct JSONReader {
    private let octets: [UInt8]
    private var position = 0
    private static let maxDepth = 64

    package init(_ octets: [UInt8]) { self.octets = octets }

    package mutating func readDocument() -> JSONValue? {
        let value = self.read(depth: 0)
        self.skipBlanks()
        return self.position == self.octets.count ? value : nil
    }

    private var next: UInt8? { self.position < self.octets.count ? self.octets[self.position] : nil }

    private mutating func skipBlanks() {
        while let octet = self.next, octet == 0x20 || octet == 0x0A || octet == 0x0D || octet == 0x09 {
            self.position += 1
        }
    }

    private mutating func take(_ octet: UInt8) -> Bool {
        self.skipBlanks()
        guard self.next == octet else { return false }
        self.position += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        let expected = UnsafeBufferPointer(start: word.utf8Start, count: count)
        guard self.octets[self.position...].prefix(count).elementsEqual(expected) else { return false }
        self.position += count
        return true
    }

    private mutating func read(depth: Int) -> JSONValue? {
        guard depth < Self.maxDepth else { return nil }
        self.skipBlanks()
        switch self.next {
        case UInt8(ascii: "{"): return self.readObject(depth)
        case UInt8(ascii: "["): return self.readArray(depth)
        case UInt8(ascii: "\""): return self.readString().map(JSONValue.string)
        case UInt8(ascii: "t"): return self.take(word: "true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return self.take(word: "false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return self.take(word: "null") ? .null : nil
        default: return self.readNumber()
        }
    }

    private mutating func readObject(_ depth: Int) -> JSONValue? {
        self.position += 1
        var members: [(String, JSONValue)] = []
        if self.take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            self.skipBlanks()
            guard self.next == UInt8(ascii: "\""), let key = self.readString(), self.take(UInt8(ascii: ":")),
                let value = self.read(depth: depth + 1)
            else { return nil }
            members.append((key, value))
        } while self.take(UInt8(ascii: ","))
        return self.take(UInt8(ascii: "}")) ? .object(members) : nil
    }

    private mutating func readArray(_ depth: Int) -> JSONValue? {
        self.position += 1
        var values: [JSONValue] = []
        if self.take(UInt8(ascii: "]")) { return .array(values) }
        repeat {
            guard let value = self.read(depth: depth + 1) else { return nil }
            values.append(value)
        } while self.take(UInt8(ascii: ","))
        return self.take(UInt8(ascii: "]")) ? .array(values) : nil
    }

    private mutating func readNumber() -> JSONValue? {
        let start = self.position
        var isWhole = true
        if self.next == UInt8(ascii: "-") { self.position += 1 }
        // No digit may follow a leading zero.
        if self.next == UInt8(ascii: "0") { self.position += 1 } else if !self.skipDigits() { return nil }
        if self.next == UInt8(ascii: ".") {
            self.position += 1
            isWhole = false
            guard self.skipDigits() else { return nil }
        }
        if self.next == UInt8(ascii: "e") || self.next == UInt8(ascii: "E") {
            self.position += 1
            isWhole = false
            if self.next == UInt8(ascii: "+") || self.next == UInt8(ascii: "-") { self.position += 1 }
            guard self.skipDigits() else { return nil }
        }
        let text = String(decoding: self.octets[start..<self.position], as: UTF8.self)
        if isWhole, let number = Int(text) { return .int(number) }
        return Double(text).flatMap { $0.isFinite ? .double($0) : nil }
    }

    /// Whether there was one digit at least.
    private mutating func skipDigits() -> Bool {
        let start = self.position
        while let octet = self.next, (0x30...0x39).contains(octet) { self.position += 1 }
        return self.position > start
    }

    private mutating func readString() -> String? {
        self.position += 1
        var text: [UInt8] = []
        while let octet = self.next {
            self.position += 1
            switch octet {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case 0..<0x20: return nil
            case UInt8(ascii: "\\"):
                guard let scalar = self.readEscape() else { return nil }
                text.append(contentsOf: String(Character(scalar)).utf8)
            default: text.append(octet)
            }
        }
        return nil
    }

    private mutating func readEscape() -> Unicode.Scalar? {
        guard let octet = self.next else { return nil }
        self.position += 1
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(octet)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard let high = self.readHex() else { return nil }
            guard (0xD800..<0xDC00).contains(high) else { return Unicode.Scalar(high) }
            guard self.take(word: "\\u"), let low = self.readHex(), (0xDC00..<0xE000).contains(low) else { return nil }
            return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
        default: return nil
        }
    }

    private mutating func readHex() -> UInt32? {
        var number: UInt32 = 0
        for _ in 0..<4 {
            guard let octet = self.next, let digit = Character(Unicode.Scalar(octet)).hexDigitValue else { return nil }
            number = number << 4 + UInt32(digit)
            self.position += 1
        }
        return number
    }
}
