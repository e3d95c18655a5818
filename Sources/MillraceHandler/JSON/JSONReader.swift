/// A strict reader of one JSON document (RFC 8259): no comments, no trailing commas, no byte order mark.
package struct JSONReader {
    private let octets: [UInt8]
    private let maxDepth: Int
    private var position = 0

    /// A reader of one document.
    ///
    /// - Parameters:
    ///   - octets: The whole document.
    ///   - maxDepth: Arrays and objects within each other, at most; each level costs stack.
    package init(_ octets: [UInt8], maxDepth: Int = 64) {
        self.octets = octets
        self.maxDepth = maxDepth
    }

    /// The document; nil if it is none.
    package mutating func readDocument() -> JSONValue? { try? self.parse() }

    /// The document.
    ///
    /// - Throws: What is wrong first, and at which octet.
    package mutating func parse() throws(JSONSyntaxError) -> JSONValue {
        let value = try self.read(depth: 0)
        self.skipBlanks()
        guard self.position == self.octets.count else { throw self.unexpected("the end") }
        return value
    }

    private var next: UInt8? { self.position < self.octets.count ? self.octets[self.position] : nil }

    private func wrong(_ reason: String, at offset: Int? = nil) -> JSONSyntaxError {
        JSONSyntaxError(offset: offset ?? self.position, reason: reason)
    }

    private func unexpected(_ wanted: String) -> JSONSyntaxError {
        guard let octet = self.next else { return self.wrong("expected \(wanted), but the text ends") }
        let isPlain = (0x21..<0x7F).contains(octet)
        let found = isPlain ? "'\(Character(Unicode.Scalar(octet)))'" : "octet 0x\(String(octet, radix: 16))"
        return self.wrong("expected \(wanted), got \(found)")
    }

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
        // A StaticString's memory is constant for the life of the process.
        let expected = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard self.octets[self.position...].starts(with: expected) else { return false }
        self.position += expected.count
        return true
    }

    private mutating func read(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        self.skipBlanks()
        switch self.next {
        case UInt8(ascii: "{"): return try self.readObject(depth + 1)
        case UInt8(ascii: "["): return try self.readArray(depth + 1)
        case UInt8(ascii: "\""): return .string(try self.readString())
        case UInt8(ascii: "t"): if self.take(word: "true") { return .bool(true) }
        case UInt8(ascii: "f"): if self.take(word: "false") { return .bool(false) }
        case UInt8(ascii: "n"): if self.take(word: "null") { return .null }
        case .some(let octet) where octet == UInt8(ascii: "-") || (0x30...0x39).contains(octet):
            return try self.readNumber()
        default: break
        }
        throw self.unexpected("a value")
    }

    private mutating func enter(_ depth: Int) throws(JSONSyntaxError) {
        guard depth <= self.maxDepth else { throw self.wrong("more than \(self.maxDepth) levels deep") }
        self.position += 1
    }

    private mutating func readObject(_ depth: Int) throws(JSONSyntaxError) -> JSONValue {
        try self.enter(depth)
        var members: [(String, JSONValue)] = []
        if self.take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            self.skipBlanks()
            guard self.next == UInt8(ascii: "\"") else { throw self.unexpected("a key in quotes") }
            let key = try self.readString()
            guard self.take(UInt8(ascii: ":")) else { throw self.unexpected("':'") }
            members.append((key, try self.read(depth: depth)))
        } while self.take(UInt8(ascii: ","))
        guard self.take(UInt8(ascii: "}")) else { throw self.unexpected("',' or '}'") }
        return .object(members)
    }

    private mutating func readArray(_ depth: Int) throws(JSONSyntaxError) -> JSONValue {
        try self.enter(depth)
        var values: [JSONValue] = []
        if self.take(UInt8(ascii: "]")) { return .array(values) }
        repeat { values.append(try self.read(depth: depth)) } while self.take(UInt8(ascii: ","))
        guard self.take(UInt8(ascii: "]")) else { throw self.unexpected("',' or ']'") }
        return .array(values)
    }
}

// MARK: Numbers

extension JSONReader {
    private mutating func readNumber() throws(JSONSyntaxError) -> JSONValue {
        let start = self.position
        var isWhole = true
        if self.next == UInt8(ascii: "-") { self.position += 1 }
        // No digit may follow a leading zero.
        if self.next == UInt8(ascii: "0") { self.position += 1 } else { try self.skipDigits() }
        if self.next == UInt8(ascii: ".") {
            self.position += 1
            isWhole = false
            try self.skipDigits()
        }
        if self.next == UInt8(ascii: "e") || self.next == UInt8(ascii: "E") {
            self.position += 1
            isWhole = false
            if self.next == UInt8(ascii: "+") || self.next == UInt8(ascii: "-") { self.position += 1 }
            try self.skipDigits()
        }
        let text = String(decoding: self.octets[start..<self.position], as: UTF8.self)
        if isWhole {
            if let number = Int(text) { return .int(number) }
            if let number = UInt64(text) { return .unsigned(number) }
        }
        guard let number = Double(text), number.isFinite else { throw self.wrong("a number out of range", at: start) }
        return .double(number)
    }

    private mutating func skipDigits() throws(JSONSyntaxError) {
        let start = self.position
        while let octet = self.next, (0x30...0x39).contains(octet) { self.position += 1 }
        if self.position == start { throw self.unexpected("a digit") }
    }
}

// MARK: Strings

extension JSONReader {
    private mutating func readString() throws(JSONSyntaxError) -> String {
        let start = self.position
        self.position += 1
        // What lies between two escapes is taken in one piece; most strings have none.
        var piece = self.position
        var text: [UInt8] = []
        while let octet = self.next {
            switch octet {
            case UInt8(ascii: "\""):
                let last = self.octets[piece..<self.position]
                let whole = text.isEmpty ? String(validating: last, as: UTF8.self) : self.joined(&text, last)
                guard let whole else { throw self.wrong("a string that is not UTF-8", at: start) }
                guard whole.isStreamSafe else {
                    throw self.wrong(
                        "a string with more than \(String.maxMarksInARow) combining marks in a row",
                        at: start
                    )
                }
                self.position += 1
                return whole
            case 0..<0x20: throw self.wrong("a control character in a string; write \\u00\(hex(octet))")
            case UInt8(ascii: "\\"):
                text.append(contentsOf: self.octets[piece..<self.position])
                text.append(contentsOf: String(Character(try self.readEscape())).utf8)
                piece = self.position
            default: self.position += 1
            }
        }
        throw self.wrong("a string that does not end", at: start)
    }

    private func joined(_ text: inout [UInt8], _ last: ArraySlice<UInt8>) -> String? {
        text.append(contentsOf: last)
        return String(validating: text, as: UTF8.self)
    }

    private mutating func readEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
        let start = self.position
        self.position += 1
        guard let octet = self.next else { throw self.wrong("a string that does not end") }
        self.position += 1
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(octet)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            if let scalar = self.readUnicode() { return scalar }
            throw self.wrong("\\u wants four hexadecimal digits, and surrogates come in pairs", at: start)
        default: throw self.wrong("an escape that JSON does not have", at: start)
        }
    }

    private mutating func readUnicode() -> Unicode.Scalar? {
        guard let high = self.readHex() else { return nil }
        guard (0xD800..<0xDC00).contains(high) else { return Unicode.Scalar(high) }
        guard self.take(word: "\\u"), let low = self.readHex(), (0xDC00..<0xE000).contains(low) else { return nil }
        return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
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

/// Two hexadecimal digits.
private func hex(_ octet: UInt8) -> String { (octet < 16 ? "0" : "") + String(octet, radix: 16) }
