import Millrace

/// JSON (RFC 8259) to a value: what a supervisor answers is small, and known.
struct JSONReader {
    private let octets: [UInt8]
    private var position = 0
    private static let deepest = 64

    /// - Parameter text: All of it.
    /// - Returns: Nil if that is no JSON.
    static func read(_ text: String) -> OptionValue? {
        var reader = JSONReader(octets: Array(text.utf8))
        guard let value = reader.value(depth: 0) else { return nil }
        reader.skipSpace()
        return reader.position == reader.octets.count ? value : nil
    }

    private init(octets: [UInt8]) { self.octets = octets }

    private var next: UInt8? { self.position < self.octets.count ? self.octets[self.position] : nil }

    private mutating func skipSpace() {
        while let octet = self.next, [0x20, 0x0A, 0x0D, 0x09].contains(octet) { self.position += 1 }
    }

    private mutating func take(_ text: StaticString) -> Bool {
        let end = self.position + text.utf8CodeUnitCount
        guard end <= self.octets.count, self.octets[self.position..<end].elementsEqual("\(text)".utf8) else {
            return false
        }
        self.position = end
        return true
    }

    private mutating func value(depth: Int) -> OptionValue? {
        self.skipSpace()
        guard depth < Self.deepest, let octet = self.next else { return nil }
        switch octet {
        case UInt8(ascii: "{"): return self.object(depth)
        case UInt8(ascii: "["): return self.array(depth)
        case UInt8(ascii: "\""): return self.string().map { .string($0) }
        case UInt8(ascii: "t"): return self.take("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return self.take("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return self.take("null") ? .null : nil
        default: return self.number()
        }
    }

    private mutating func object(_ depth: Int) -> OptionValue? {
        self.position += 1
        var members: [OptionValue.Member] = []
        self.skipSpace()
        if self.take("}") { return .object([]) }
        repeat {
            self.skipSpace()
            guard let key = self.string() else { return nil }
            self.skipSpace()
            guard self.take(":"), let value = self.value(depth: depth + 1) else { return nil }
            members.append(.init(key: key, value: value))
            self.skipSpace()
        } while self.take(",")
        return self.take("}") ? .object(members) : nil
    }

    private mutating func array(_ depth: Int) -> OptionValue? {
        self.position += 1
        var values: [OptionValue] = []
        self.skipSpace()
        if self.take("]") { return .array([]) }
        repeat {
            guard let value = self.value(depth: depth + 1) else { return nil }
            values.append(value)
            self.skipSpace()
        } while self.take(",")
        return self.take("]") ? .array(values) : nil
    }

    private mutating func number() -> OptionValue? {
        let start = self.position
        while let octet = self.next, "+-.0123456789Ee".utf8.contains(octet) { self.position += 1 }
        let text = String(decoding: self.octets[start..<self.position], as: UTF8.self)
        if let whole = Int64(text) { return .int(whole) }
        return Double(text).map { .double($0) }
    }

    private mutating func string() -> String? {
        guard self.take("\"") else { return nil }
        var units: [UInt16] = []
        var plain = self.position
        func text(_ range: Range<Int>) -> String.UTF16View {
            String(decoding: self.octets[range], as: UTF8.self).utf16
        }
        while let octet = self.next {
            self.position += 1
            if octet == UInt8(ascii: "\"") {
                units += text(plain..<self.position - 1)
                return String(decoding: units, as: UTF16.self)
            }
            guard octet == UInt8(ascii: "\\") else { continue }
            units += text(plain..<self.position - 1)
            guard let unit = self.escape() else { return nil }
            units.append(unit)
            plain = self.position
        }
        return nil
    }

    private mutating func escape() -> UInt16? {
        guard let octet = self.next else { return nil }
        self.position += 1
        switch octet {
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(octet)
        case UInt8(ascii: "u"):
            guard self.position + 4 <= self.octets.count else { return nil }
            let digits = String(decoding: self.octets[self.position..<self.position + 4], as: UTF8.self)
            self.position += 4
            return UInt16(digits, radix: 16)
        default: return nil
        }
    }
}

extension OptionValue {
    /// A member of an object.
    subscript(key: String) -> OptionValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var whole: Int? { if case .int(let whole) = self { Int(whole) } else { nil } }
    var isTrue: Bool { if case .bool(let value) = self { value } else { false } }
    var list: [OptionValue] { if case .array(let values) = self { values } else { [] } }

    var real: Double? {
        switch self {
        case .int(let whole): Double(whole)
        case .double(let real): real
        default: nil
        }
    }
}
