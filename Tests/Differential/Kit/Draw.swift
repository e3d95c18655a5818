/// What a script is drawn from: the same seed draws the same.
struct Draw: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(self.next() % UInt64(limit)) }
    mutating func one(in times: Int) -> Bool { self.below(times) == 0 }
    mutating func flip() -> Bool { self.one(in: 2) }
    mutating func pick<T>(_ values: [T]) -> T { values[self.below(values.count)] }

    /// One of these at random, by their weights.
    mutating func pick<T>(by weights: [(Int, T)]) -> T {
        var left = self.below(weights.reduce(0) { $0 + $1.0 })
        for (weight, value) in weights {
            if left < weight { return value }
            left -= weight
        }
        return weights[0].1
    }
}
