/// Random numbers that are the same again for the same seed (SplitMix64).
package struct Chance: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(_ seed: UInt64) { self.state = seed }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(self.state)
    }

    private static func mixed(_ number: UInt64) -> UInt64 {
        var mixed = number
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The one number that belongs to these two, whenever it is asked for.
    package static func of(_ one: UInt64, _ other: UInt64) -> UInt64 {
        self.mixed(self.mixed(one &+ 0x9E37_79B9_7F4A_7C15) ^ other &* 0xD6E8_FEB8_6659_FD93)
    }

    package mutating func below(_ limit: Int) -> Int { limit < 2 ? 0 : Int(self.next() % UInt64(limit)) }

    package mutating func percent(_ share: Int) -> Bool { self.below(100) < share }

    package mutating func one<Value>(of values: [Value]) -> Value { values[self.below(values.count)] }
}
