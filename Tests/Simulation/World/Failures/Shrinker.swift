/// Makes a failing run small: fewer decisions, then a plainer world, as long as the same rule is broken.
///
/// Decisions stand alone, so that leaving some out changes none of the others (ddmin): faults first, then the work.
package struct Shrinker {
    private var best: Simulation
    private let invariant: Violation.Invariant
    /// Runs that it took.
    package private(set) var runs = 0
    private let mostRuns: Int

    package init(_ simulation: Simulation, breaking invariant: Violation.Invariant, mostRuns: Int = 2000) {
        self.best = simulation
        self.invariant = invariant
        self.mostRuns = mostRuns
    }

    package mutating func shrink() -> Simulation {
        var before = Int.max
        while self.best.decisions.count < before, self.runs < self.mostRuns {
            before = self.best.decisions.count
            self.thin { $0.what.isFault }
            self.thin { !$0.what.isFault }
            self.lessen()
        }
        self.plainer()
        return self.best
    }

    private mutating func fails(_ simulation: Simulation) -> Bool {
        guard self.runs < self.mostRuns else { return false }
        self.runs += 1
        return simulation.run().violation?.invariant == self.invariant
    }

    private mutating func keepIfFails(_ change: (inout Simulation) -> Void) -> Bool {
        var candidate = self.best
        change(&candidate)
        guard candidate != self.best, self.fails(candidate) else { return false }
        self.best = candidate
        return true
    }

    /// Leaves out ever smaller parts of the decisions of one sort.
    private mutating func thin(_ isMeant: (Decision) -> Bool) {
        var size = max(1, self.best.decisions.count(where: isMeant) / 2)
        while true {
            var start = 0
            while true {
                let places = self.best.decisions.indices.filter { isMeant(self.best.decisions[$0]) }
                guard start < places.count else { break }
                let part = Set(places[start..<min(start + size, places.count)])
                let isGone = self.keepIfFails { simulation in
                    simulation.decisions = simulation.decisions.indices.filter { !part.contains($0) }
                        .map { simulation.decisions[$0] }
                }
                if !isGone { start += size }
            }
            if size == 1 { return }
            size = max(1, size / 2)
        }
    }

    /// Smaller amounts.
    private mutating func lessen() {
        for place in self.best.decisions.indices {
            for amount in [1, 2, self.best.decisions[place].amount / 2] where amount > 0 {
                guard amount < self.best.decisions[place].amount else { continue }
                if self.keepIfFails({ $0.decisions[place].amount = amount }) { break }
            }
        }
    }

    /// A world in which less is odd.
    private mutating func plainer() {
        _ = self.keepIfFails { $0.swarm.pieces = .whole }
        _ = self.keepIfFails { $0.swarm.fullSocket = 0 }
        _ = self.keepIfFails { $0.swarm.jitterMilliseconds = 0 }
        _ = self.keepIfFails { $0.swarm.heartbeatSeconds = 0 }
        _ = self.keepIfFails { $0.swarm.bodyOctets = 16 }
        _ = self.keepIfFails { $0.swarm.failures = 0 }
        _ = self.keepIfFails { $0.swarm.highWater = 1 << 16 }
        _ = self.keepIfFails { $0.swarm.ackBatch = 1 }
        _ = self.keepIfFails { $0.swarm.together = 1 }
        _ = self.keepIfFails { $0.swarm.profile = "3.10" }
        _ = self.keepIfFails { $0.swarm.quorum = false }
        _ = self.keepIfFails { $0.swarm.clients = 1 }
        _ = self.keepIfFails { $0.swarm.publishers = 1 }
        if let mode = self.best.swarm.workers.first { _ = self.keepIfFails { $0.swarm.workers = [mode] } }
        if let mode = self.best.swarm.workers.last { _ = self.keepIfFails { $0.swarm.workers = [mode] } }
    }
}
