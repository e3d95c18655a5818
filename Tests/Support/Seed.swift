import Glibc

/// A random number generator that can be replayed: the seed is printed, and `MILLRACE_SEED` gives it back.
package struct Seed: RandomNumberGenerator {
    package let value: UInt64
    private var state: UInt64

    package init(_ fixed: UInt64? = nil) {
        let given = getenv("MILLRACE_SEED").flatMap { UInt64(String(cString: $0)) }
        self.value = fixed ?? given ?? UInt64.random(in: 1...UInt64.max)
        self.state = self.value
    }

    /// SplitMix64.
    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
