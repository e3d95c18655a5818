import Foundation
import SimulatedSupervisor
import SimulatedThreads

/// Runs seeds of level 2: the whole supervisor.
enum SimulateSupervisor {
    #if DEBUG
        static func run(_ arguments: Arguments) throws -> Int32 {
            let clock = ContinuousClock()
            let start = clock.now
            let end = arguments.minutes.map { start + .seconds($0 * 60) }
            var (seed, done, switches, hours) = (arguments.first, UInt64(0), 0, 0.0)
            var hash = RunsHash()
            while end.map({ clock.now < $0 }) ?? (done < arguments.count) {
                let simulation = SupervisorSimulation(seed: seed)
                let result = arguments.isLoud ? simulation.run { print($0) } : simulation.run()
                done += 1
                hash.add(result.hash)
                switches += result.switches
                hours += Double(result.nanoseconds) / 3.6e12
                if let failure = result.failure {
                    print("seed \(seed): \(failure)\n\(simulation.scene.text)")
                    print("found after \(done) seeds; again: ops/simulate --level 2 --seed \(seed) --loud")
                    return 1
                }
                if arguments.isTwice, simulation.run().hash != result.hash {
                    print("seed \(seed) is another run the second time")
                    return 1
                }
                if arguments.count == 1, arguments.minutes == nil {
                    print(simulation.scene.text)
                    let hash = String(result.hash, radix: 16)
                    print(
                        "hash \(hash), \(result.switches) switches, \(result.nanoseconds / 1_000_000) ms of its own time"
                    )
                }
                seed &+= 1
            }
            let seconds = (clock.now - start) / .seconds(1)
            let rate = (Double(done) / max(seconds, 0.001)).formatted(.number.precision(.fractionLength(1)))
            let time = hours.formatted(.number.precision(.fractionLength(1)))
            print(
                "level 2, seeds \(arguments.first)...\(seed &- 1): \(done) runs, \(switches) switches of threads, \(time) hours of their own time, \(rate) seeds a second, hash \(hash); nothing found"
            )
            return 0
        }
    #else
        static func run(_ arguments: Arguments) throws -> Int32 {
            throw Arguments.Wrong(text: "level 2 is not in this build: it is compiled out of release")
        }
    #endif
}
