import Foundation
import SimulatedWorld

/// Runs seeds of the simulator, one after the other on one core; ops/simulate builds it and has its help.
enum SimulateCommand {
    private static var commit: String { ProcessInfo.processInfo.environment["MILLRACE_SIM_COMMIT"] ?? "unknown" }

    private static func replay(_ path: String) throws -> Int32 {
        let kept = try KeptRun(json: Data(contentsOf: URL(filePath: path)))
        let result = kept.simulation.run()
        print(FailureReport.text(kept.simulation.decisions))
        if result.violation != nil { print(FailureReport(kept.simulation, result, commit: Self.commit).text) }
        print("\(result.events) events, hash \(String(result.hash, radix: 16))")
        guard let complaint = kept.complaint() else { return 0 }
        print(complaint)
        return 1
    }

    private static func shrink(_ simulation: Simulation, _ violation: Violation, _ keep: String?) throws {
        var shrinker = Shrinker(simulation, breaking: violation.invariant)
        let small = shrinker.shrink()
        let text = small.run().violation?.text ?? ""
        print("shrunk to \(small.decisions.count) decisions in \(shrinker.runs) runs: \(text)")
        print(FailureReport.text(small.decisions))
        print("options: \(FailureReport.text(small.swarm))")
        let path = keep ?? ".millrace/simulate/seed-\(simulation.seed).json"
        let kept = KeptRun(note: text, breaks: violation.invariant, small)
        let folder = URL(filePath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try kept.json().write(to: URL(filePath: path))
        print("kept in \(path); mended, it goes into Tests/Simulation/Seeds under a name that says what it showed")
    }

    /// Looks for each planted mistake, and keeps what finds it.
    private static func huntAll(_ folder: String) throws -> Int32 {
        var status: Int32 = 0
        for mutant in Mutant.allCases {
            let hunt = MutantHunt(mutant)
            if let complaint = hunt.complaint {
                print("\(mutant.rawValue): \(complaint)")
                status = 1
            }
            guard let kept = hunt.kept, let seeds = hunt.seeds else { continue }
            let count = kept.simulation.decisions.count
            print("\(mutant.rawValue): seed \(seeds), \(count) decisions, \(kept.breaks.rawValue): \(kept.note)")
            try kept.json().write(to: URL(filePath: folder).appending(path: "mutant-\(mutant.rawValue).json"))
        }
        return status
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        if arguments.level == 2 { return try SimulateSupervisor.run(arguments) }
        if let path = arguments.replay { return try Self.replay(path) }
        if let folder = arguments.mutants { return try Self.huntAll(folder) }
        let clock = ContinuousClock()
        let start = clock.now
        let end = arguments.minutes.map { start + .seconds($0 * 60) }
        var (seed, done, events, messages) = (arguments.first, UInt64(0), 0, 0)
        var hash = RunsHash()
        while end.map({ clock.now < $0 }) ?? (done < arguments.count) {
            let simulation = Simulation(seed: seed, mutant: arguments.mutant)
            let result = simulation.run()
            done += 1
            hash.add(result.hash)
            events += result.events
            messages += result.messages
            if let violation = result.violation {
                print(FailureReport(simulation, result, commit: Self.commit).text)
                print("found after \(done) seeds")
                if arguments.shrinks { try Self.shrink(simulation, violation, arguments.keep) }
                return 1
            }
            if arguments.isTwice, simulation.run().hash != result.hash {
                print("seed \(seed) is another run the second time")
                return 1
            }
            if arguments.count == 1, arguments.minutes == nil {
                print("options: \(FailureReport.text(simulation.swarm))")
                print(FailureReport.text(simulation.decisions))
                print("hash \(String(result.hash, radix: 16)), \(result.milliseconds) ms of its own time")
            }
            seed &+= 1
        }
        let seconds = (clock.now - start) / .seconds(1)
        let rate = Int(Double(done) / max(seconds, 0.001))
        print(
            "seeds \(arguments.first)...\(seed &- 1): \(done) runs, \(messages) messages, \(events) events, \(rate) seeds a second, hash \(hash); nothing found"
        )
        return 0
    }
}
