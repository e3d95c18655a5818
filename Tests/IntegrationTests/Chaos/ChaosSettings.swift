import Foundation

/// What a run of chaos is asked for, by the variables that `ops/chaos` sets.
struct ChaosSettings {
    /// How long to go on hurting, if it is not until all messages are fed.
    let seconds: Int
    /// Inputs of all jobs together; nil as many as there is time for.
    let messages: Int?
    /// Three make a cluster.
    let nodes: Int
    /// `debug` or `release`.
    let build: String
    /// A network of its own, with bad wires.
    let hasWire: Bool

    init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.seconds = environment["MILLRACE_CHAOS_SECONDS"].flatMap { Int($0) } ?? 15
        self.messages = environment["MILLRACE_CHAOS_MESSAGES"].flatMap { Int($0) }
        self.nodes = environment["MILLRACE_CHAOS_NODES"].flatMap { Int($0) } ?? 1
        self.build = environment["MILLRACE_CHAOS_BUILD"] ?? "debug"
        self.hasWire = environment["MILLRACE_CHAOS_WIRE"] != nil
    }

    var folder: String { Tool.root + ".build/\(self.build)/" }
    /// Messages a second and job: a job begins no more where time is the limit, so that there is work at every blow.
    var rate: Int? { self.messages == nil ? 50 : nil }
}
