/// The way from the root of a document to a value: linked, so that a step costs one small object.
final class CodingPath {
    private let parent: CodingPath?
    private let key: any CodingKey

    init(_ parent: CodingPath?, _ key: any CodingKey) {
        self.parent = parent
        self.key = key
    }

    /// The keys from the root on, as `Codable` wants them.
    static func keys(_ path: CodingPath?) -> [any CodingKey] {
        var keys: [any CodingKey] = []
        var path = path
        while let step = path {
            keys.append(step.key)
            path = step.parent
        }
        return keys.reversed()
    }

    /// As people write it: `orders[3].price`; empty for the root.
    static func text(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else if Self.isWord(key.stringValue) {
                text += (text.isEmpty ? "" : ".") + key.stringValue
            } else {
                text += "[\"\(key.stringValue.printable(limit: 40))\"]"
            }
        }
    }

    private static func isWord(_ key: String) -> Bool {
        (1...40).contains(key.utf8.count)
            && key.utf8.allSatisfy { octet in
                switch octet {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            }
    }
}

/// A key that no type declares: an index, or `super`.
struct PlainKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(index: Int) {
        self.stringValue = "Index \(index)"
        self.intValue = index
    }

    init(stringValue: String) {
        self.stringValue = stringValue
        self.intValue = nil
    }

    init?(intValue: Int) { self.init(index: intValue) }
}

extension String {
    /// For one line of a log: what controls a terminal is escaped, and what is too long is cut.
    func printable(limit: Int) -> String {
        var text = ""
        for (index, scalar) in self.unicodeScalars.enumerated() {
            if index == limit { return text + "…" }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: text += scalar.escaped(asASCII: true)
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
