import Testing
import TestSupport

/// The whole client without its socket, in random interleavings with a strict broker.
@Suite struct InterleavingTests {
    private static let runs = 400
    private static let steps = 3000

    @Test
    func `C25 C31 C33 C34 C35 C36 C37 C38 C39 C40 C41 C45 C48 C53 C54: any interleaving keeps the channel rules`()
        throws
    {
        var seeds = Seed()
        let first = seeds.value
        print("interleavings: MILLRACE_SEED=\(first)")
        var total = Simulation.Tally()
        for run in 0..<Self.runs {
            let seed = run == 0 ? first : seeds.next()
            var simulation = Simulation(seed: seed)
            try simulation.run(steps: Self.steps)
            if let violation = simulation.violations.first {
                Issue.record(
                    "\(violation)\nMILLRACE_SEED=\(seed) replays it as the first run; its last steps: \(simulation.trace.suffix(12))"
                )
                return
            }
            total.lives += simulation.tally.lives
            total.crossedCloses += simulation.tally.crossedCloses
            total.verdicts += simulation.tally.verdicts
            total.unknown += simulation.tally.unknown
            total.deliveries += simulation.tally.deliveries
        }
        // The steps reach what they are for.
        #expect(total.lives > Self.runs * 4)
        #expect(total.crossedCloses > Self.runs / 4)
        #expect(total.verdicts > Self.runs / 2)
        #expect(total.unknown > Self.runs / 16)
        #expect(total.deliveries > Self.runs * 2)
    }
}
