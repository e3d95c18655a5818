/// Looks for a planted mistake, and makes small what finds it.
package struct MutantHunt: Sendable {
    package let mutant: Mutant
    /// Seeds until it was found; nil if it was not.
    package let seeds: UInt64?
    package let kept: KeptRun?
    package let shrinkRuns: Int

    package init(_ mutant: Mutant, seeds: UInt64 = 1999, shrinkRuns: Int = 400) {
        self.mutant = mutant
        guard let failure = Simulation.firstFailure(seeds: 1...seeds, mutant: mutant) else {
            (self.seeds, self.kept, self.shrinkRuns) = (nil, nil, 0)
            return
        }
        var shrinker = Shrinker(failure.simulation, breaking: failure.violation.invariant, mostRuns: shrinkRuns)
        let small = shrinker.shrink()
        self.seeds = failure.simulation.seed
        self.shrinkRuns = shrinker.runs
        self.kept = KeptRun(note: small.run().violation?.text ?? "", breaks: failure.violation.invariant, small)
    }

    /// What is wrong with it; nil if it was found, made small, and is the planted mistake.
    package var complaint: String? {
        guard let kept else { return "\(self.mutant.rawValue) was not found" }
        if let complaint = kept.complaint() { return complaint }
        if kept.simulation.decisions.count > 12 {
            return
                "\(kept.simulation.decisions.count) decisions are left:\n\(FailureReport.text(kept.simulation.decisions))"
        }
        var sound = kept.simulation
        sound.mutant = nil
        return sound.run().violation.map { "without it, too, \($0.invariant.rawValue) is broken: \($0.text)" }
    }
}
