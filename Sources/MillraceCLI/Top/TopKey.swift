/// What somebody has typed.
enum TopKey: Equatable {
    case up, down, enter, escape
    case character(Character)

    /// - Parameter octets: As the terminal sent them at once; an arrow is three.
    /// - Returns: Those that we know.
    static func read(_ octets: [UInt8]) -> [TopKey] {
        var keys: [TopKey] = []
        var rest = octets[...]
        while let first = rest.first {
            if first == 0x1B, rest.dropFirst().first.map({ $0 == 0x5B || $0 == 0x4F }) == true {
                // Parameters, then one letter: what we do not know is passed over as a whole.
                rest = rest.dropFirst(2)
                while let octet = rest.first, (0x30...0x3F).contains(octet) { rest = rest.dropFirst() }
                switch rest.popFirst() {
                case UInt8(ascii: "A"): keys.append(.up)
                case UInt8(ascii: "B"): keys.append(.down)
                default: break
                }
                continue
            }
            rest = rest.dropFirst()
            switch first {
            case 0x1B, 0x7F, 0x08: keys.append(.escape)
            case 0x0D, 0x0A: keys.append(.enter)
            case 0x03, 0x04: keys.append(.character("q"))
            case 0x20..<0x7F: keys.append(.character(Character(Unicode.Scalar(first))))
            default: break
            }
        }
        return keys
    }
}
