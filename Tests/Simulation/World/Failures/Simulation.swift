/// A run that can be made again: its swarm, its decisions, the mistake that is planted in it.
package struct Simulation: Codable, Equatable, Sendable {
    package var seed: UInt64
    package var mutant: Mutant?
    package var swarm: Swarm
    package var decisions: [Decision]

    /// All that the seed draws.
    package init(seed: UInt64, mutant: Mutant? = nil) {
        self.seed = seed
        self.mutant = mutant
        self.swarm = Swarm(seed: seed)
        self.decisions = Decision.draw(seed: seed, self.swarm)
    }

    package func run() -> RunResult { World(self.swarm, self.decisions, mutant: self.mutant).run() }

    /// The first of these seeds that breaks a rule.
    package static func firstFailure(
        seeds: ClosedRange<UInt64>,
        mutant: Mutant? = nil
    ) -> (simulation: Simulation, violation: Violation)? {
        for seed in seeds {
            let simulation = Simulation(seed: seed, mutant: mutant)
            if let violation = simulation.run().violation { return (simulation, violation) }
        }
        return nil
    }
}
