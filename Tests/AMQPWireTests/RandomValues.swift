import AMQPWire

/// Values for random tests: the same seed gives the same values.
struct RandomValues: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bit() -> Bool { self.next() & 1 == 1 }
    mutating func octet() -> UInt8 { UInt8(truncatingIfNeeded: self.next()) }
    mutating func short() -> UInt16 { UInt16(truncatingIfNeeded: self.next()) }
    mutating func long() -> UInt32 { UInt32(truncatingIfNeeded: self.next()) }
    mutating func longlong() -> UInt64 { self.next() }
    mutating func timestamp() -> UInt64 { self.next() }
    mutating func replyCode() -> ReplyCode { ReplyCode(rawValue: self.short()) }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }

    /// Never empty; one, two, three and four octets of UTF-8 a character.
    mutating func shortstr() -> String {
        let letters: [Character] = ["a", "Z", "0", ".", "é", "水", "🛞"]
        return String((0...self.below(20)).map { _ in letters[self.below(letters.count)] })
    }

    mutating func longstr() -> [UInt8] { (0...self.below(40)).map { _ in self.octet() } }

    mutating func table() -> FieldTable { self.table(depth: 3) }

    private mutating func table(depth: Int) -> FieldTable {
        FieldTable((0...self.below(4)).map { _ in FieldTable.Entry(key: self.shortstr(), value: self.value(depth)) })
    }

    private mutating func value(_ depth: Int) -> FieldValue {
        switch self.below(depth > 0 ? 19 : 17) {
        case 0: .bool(self.bit())
        case 1: .int8(Int8(bitPattern: self.octet()))
        case 2: .uint8(self.octet())
        case 3: .int16(Int16(bitPattern: self.short()))
        case 4: .uint16(self.short())
        case 5: .int32(Int32(bitPattern: self.long()))
        case 6: .uint32(self.long())
        case 7: .int64(Int64(bitPattern: self.next()))
        case 8: .legacyInt64(Int64(bitPattern: self.next()))
        case 9: .float(Float(self.below(1000)) / 8)
        case 10: .double(Double(self.below(1000)) / 8)
        case 11: .decimal(scale: self.octet(), value: self.long())
        case 12: .string(self.shortstr())
        case 13: .nonUTF8String([0xFF] + self.longstr())
        case 14: .bytes(self.longstr())
        case 15: .timestamp(self.next())
        case 16: .void
        case 17: .array((0...self.below(3)).map { _ in self.value(depth - 1) })
        default: .table(self.table(depth: depth - 1))
        }
    }
}
