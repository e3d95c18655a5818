import SimulatedWorld
import Testing

/// A simulator that finds nothing is worth as much as the mistakes that it would find.
@Suite struct MutantTests {
    @Test(arguments: Mutant.allCases)
    func `each planted mistake is found in less than 2,000 seeds, and shrunk to at most 12 decisions`(mutant: Mutant) {
        let complaint = MutantHunt(mutant).complaint
        #expect(complaint == nil)
    }
}
