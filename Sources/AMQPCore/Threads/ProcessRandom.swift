/// Random numbers that nobody foresees: the system's; in a simulation those of its seed.
package struct ProcessRandom: RandomNumberGenerator, Sendable {
    /// What has no size has no address either: the thread sanitizer takes any number for it, on several threads the same one.
    private let place: UInt8 = 0

    package init() {}

    package mutating func next() -> UInt64 {
        #if DEBUG
            if let world = CurrentWorld.world { return world.random() }
        #endif
        return UInt64.random(in: .min ... .max)
    }

    /// One of 0 and more, below 1.
    package static func share() -> Double {
        var generator = Self()
        return Double.random(in: 0..<1, using: &generator)
    }
}
