import SimulatedWorld
import Testing

/// Many seeds, each twice: nothing is wrong, and the second run is the first one again.
@Suite struct ReplayTests {
    private static let parts: UInt64 = 8
    private static let seeds: UInt64 = 1000

    @Test(arguments: 0..<8)
    func `a seed breaks no rule, and is the same run each time`(part: Int) {
        let share = Self.seeds / Self.parts
        let first = UInt64(part) * share + 1
        for seed in first..<first + share {
            let simulation = Simulation(seed: seed)
            let result = simulation.run()
            if result.violation != nil {
                Issue.record("\(FailureReport(simulation, result, commit: "this one").text)")
                return
            }
            let again = Simulation(seed: seed).run()
            #expect(again.hash == result.hash && again.events == result.events, "seed \(seed) is another run")
        }
    }

    @Test func `the seeds reach every kind of decision, and do work`() {
        var tally = Array(repeating: 0, count: Decision.What.allCases.count)
        var messages = 0
        for seed in UInt64(1)...150 {
            let result = Simulation(seed: seed).run()
            for place in tally.indices { tally[place] += result.tally[place] }
            messages += result.messages
        }
        for what in Decision.What.allCases { #expect(tally[what.place] > 0, "\(what)") }
        #expect(messages > 150 * 5)
    }

    @Test func `other seeds are other runs`() {
        let hashes = Set((UInt64(1)...50).map { Simulation(seed: $0).run().hash })
        #expect(hashes.count == 50)
    }
}
