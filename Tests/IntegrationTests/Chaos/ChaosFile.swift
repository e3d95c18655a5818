/// The job files of a run: all have the same jobs, and each its own way to the broker.
struct ChaosFile {
    /// How a supervisor gets to the broker; drawn at each of its starts.
    enum Way: String, CaseIterable {
        case plain, separate, tls, separateTLS, secondAddress

        var isTLS: Bool { self == .tls || self == .separateTLS }
        var isSeparate: Bool { self == .separate || self == .separateTLS }
    }

    /// What a reload makes different.
    struct Edit {
        var threads = 2
        var prefetch = 40
        /// A job that is not in the file.
        var without: String?
    }

    let folder: String
    let settings: ChaosSettings
    let jobs: [ChaosJob]

    /// Where its supervisor listens to commands.
    var socket: String { self.folder + "/control.sock" }

    func witness(of job: ChaosJob) -> String { self.folder + "/" + job.name }

    /// - Parameters:
    ///   - way: Whether outputs have a connection of their own.
    ///   - uris: Where the broker is.
    ///   - edit: What is different from the others.
    /// - Returns: The job file.
    func text(_ way: Way, uris: [String], _ edit: Edit = Edit()) -> String {
        var lines = [
            "version: 1", "connection:", "  uri: [ \(uris.map { "\"\($0)\"" }.joined(separator: ", ")) ]",
            "  heartbeat: 3s", "  connect_timeout: 3s", "  recovery: { initial_interval: 50ms, max_interval: 500ms }",
            "  publishing: \(way.isSeparate ? "separate" : "shared")",
            "plugins: [\"\(self.settings.folder)libExamples.so\"]",
            // Kills from outside are no crash of a message.
            "crash_ledger: { path: \"\(self.folder)/ledger\", max_crashes: 100 }", "shutdown_timeout: 60s",
            "control: { socket: \"\(self.socket)\", state: \"\(self.folder)/control.state\" }",
            "defaults:", "  threads: \(edit.threads)", "  prefetch: \(edit.prefetch)",
            "  retry: { max_attempts: 1000, initial_interval: 200ms, multiplier: 1 }",
        ]
        if let rate = self.settings.rate { lines.append("  rate_limit: { allowed: \(rate), interval: 1s }") }
        lines += ["exchanges:", "  billing: { type: direct }", "queues:"]
        lines += self.jobs.flatMap(self.queues)
        lines.append("jobs:")
        lines += self.jobs.filter { $0.name != edit.without }.flatMap(self.job)
        return lines.joined(separator: "\n") + "\n"
    }

    private func queues(of job: ChaosJob) -> [String] {
        var options = ["type: \(job.type)"]
        // Every kill counts for what is prefetched, and from RabbitMQ 4.0 on twenty are too many unless said.
        if job.type == "quorum" { options.append("delivery_limit: 100000") }
        switch job.limit {
        case .file: options += ["max_length: 100", "overflow: reject-publish"]
        case .stranger: options.append("on_mismatch: keep")
        case .policy, nil: break
        }
        // In a cluster a node may be gone for a while, and with it the classic queues that live there.
        let output = self.settings.nodes > 1 ? "quorum" : "classic"
        return [
            "  \(job.input): { \(options.joined(separator: ", ")), dead_letter: { routing_key: \(job.dead) } }",
            "  \(job.dead): { type: \(output) }",
            "  \(job.output): { type: \(output), bindings: [ { exchange: billing, routing_key: \(job.output) } ] }",
        ]
    }

    private func job(_ job: ChaosJob) -> [String] {
        var with = "routing_key: \(job.output)"
        if job.handler.hasPrefix("bench.") {
            with += ", exchange: billing, witness: \"\(self.witness(of: job))\""
        }
        return [
            "  \(job.name):", "    queue: \(job.input)", "    handler: \(job.handler)", "    publish: \(job.publish)",
            "    with: { \(with) }",
        ] + job.lines.map { "    " + $0 }
    }
}
