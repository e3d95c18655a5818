import Foundation

/// The seed of the random tests: `MILLRACE_SEED`, or a new one; printed, so that a failure can be run again.
enum Seed {
    static let value: UInt64 = {
        let given = ProcessInfo.processInfo.environment["MILLRACE_SEED"].flatMap(UInt64.init)
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("MILLRACE_SEED=\(seed)")
        return seed
    }()
}
