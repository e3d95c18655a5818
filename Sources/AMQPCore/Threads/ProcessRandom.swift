/// Random numbers that nobody foresees: the system's; in a simulation those of its seed.
package struct ProcessRandom: RandomNumberGenerator, Sendable {
    package init() {}

    package mutating func next() -> UInt64 {
        #if DEBUG
            if let world = CurrentWorld.world { return world.random() }
        #endif
        var system = SystemRandomNumberGenerator()
        return system.next()
    }

    /// One of 0 and more, below 1.
    package static func share() -> Double {
        var generator = Self()
        return Double.random(in: 0..<1, using: &generator)
    }
}
