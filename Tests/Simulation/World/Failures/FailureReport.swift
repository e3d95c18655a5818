/// A failure, as it is printed.
package struct FailureReport {
    private let simulation: Simulation
    private let result: RunResult
    private let commit: String

    package init(_ simulation: Simulation, _ result: RunResult, commit: String) {
        self.simulation = simulation
        self.result = result
        self.commit = commit
    }

    package var text: String {
        guard let violation = self.result.violation else { return "seed \(self.simulation.seed): nothing" }
        let planted = self.simulation.mutant.map { " --mutant \($0.rawValue)" } ?? ""
        return """
            FAILURE: \(violation.invariant.kind), \(violation.invariant.rawValue)
              \(violation.text)
            seed \(self.simulation.seed), commit \(self.commit)\(planted)
            options: \(Self.text(self.simulation.swarm))
            the last \(self.result.tail.count) of \(self.result.events) events:
            \(self.result.tail.map { "  " + $0 }.joined(separator: "\n"))
            again: ops/simulate --seed \(self.simulation.seed)\(planted)

            """
    }

    /// The decisions, one line each.
    package static func text(_ decisions: [Decision]) -> String {
        decisions.map { decision in
            let place = "client \(decision.client), owner \(decision.owner), amount \(decision.amount)"
            return "  at \(decision.at) ms: \(decision.what.rawValue), \(place)"
        }
        .joined(separator: "\n")
    }

    /// What a swarm has drawn, in one line.
    package static func text(_ swarm: Swarm) -> String {
        var parts = [
            "profile \(swarm.profile)", "\(swarm.clients) clients", "\(swarm.publishers) publishers",
            "workers \(swarm.workers.map(\.rawValue).joined(separator: "+"))", "prefetch \(swarm.prefetch)",
            "ack batch \(swarm.ackBatch)", "together \(swarm.together)", "outputs \(swarm.outputs)",
            "handler \(swarm.handlerMilliseconds) ms", "failures \(swarm.failures) %",
            "pieces \(swarm.pieces.rawValue)",
            "latency \(swarm.latencyMilliseconds)+\(swarm.jitterMilliseconds) ms", "full socket \(swarm.fullSocket) %",
            "high water \(swarm.highWater)", "heartbeat \(swarm.heartbeatSeconds) s", "bodies \(swarm.bodyOctets)",
            "spare channels \(swarm.spareChannels)", "horizon \(swarm.horizonMilliseconds) ms",
            "faults \(swarm.faults.map(\.rawValue).joined(separator: "+"))",
        ]
        if swarm.takesLast { parts.append("last first") }
        if swarm.quorum { parts.append("quorum queues") }
        return parts.joined(separator: ", ")
    }
}
