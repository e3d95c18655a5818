/// Writes JSON as compactly as it goes; keys in the order they are given.
package struct JSONWriter {
    private var octets: [UInt8] = []

    package static func write(_ value: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(value)
        return writer.octets
    }

    private mutating func write(_ value: JSONValue) {
        switch value {
        case .null: self.plain("null")
        case .bool(let flag): self.plain(flag ? "true" : "false")
        case .int(let number): self.plain("\(number)")
        case .unsigned(let number): self.plain("\(number)")
        // Swift writes the shortest text that reads back as the same number, and its forms are JSON's.
        case .double(let number): self.plain("\(number)")
        case .string(let text): self.quoted(text)
        case .array(let values):
            self.octets.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { self.octets.append(UInt8(ascii: ",")) }
                self.write(value)
            }
            self.octets.append(UInt8(ascii: "]"))
        case .object(let members):
            self.octets.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { self.octets.append(UInt8(ascii: ",")) }
                self.quoted(member.0)
                self.octets.append(UInt8(ascii: ":"))
                self.write(member.1)
            }
            self.octets.append(UInt8(ascii: "}"))
        }
    }

    private mutating func plain(_ text: String) { self.octets.append(contentsOf: text.utf8) }

    private mutating func quoted(_ text: String) {
        self.octets.append(UInt8(ascii: "\""))
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "\""): self.plain("\\\"")
            case UInt8(ascii: "\\"): self.plain("\\\\")
            case UInt8(ascii: "\n"): self.plain("\\n")
            case UInt8(ascii: "\r"): self.plain("\\r")
            case UInt8(ascii: "\t"): self.plain("\\t")
            case 0..<0x20: self.plain((octet < 16 ? "\\u000" : "\\u00") + String(octet, radix: 16))
            default: self.octets.append(octet)
            }
        }
        self.octets.append(UInt8(ascii: "\""))
    }
}
