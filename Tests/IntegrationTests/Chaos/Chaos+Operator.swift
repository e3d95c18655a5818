import AMQPClient
import Foundation
import TestSupport
import Testing

/// What people do to the supervisor of a run while it works, by the commands that they type.
extension Chaos {
    /// - Parameters:
    ///   - deed: One of `Blow.deeds`.
    ///   - milliseconds: For how long what is undone again.
    ///   - removes: Whether a reload may take a job out of the file for that long.
    /// - Throws: If the command can not be run.
    func operate(_ deed: Blow, for milliseconds: Int, removes: Bool = true) throws {
        let job = self.jobs.randomElement(using: &self.seed)?.name ?? ""
        switch deed {
        case .scaleJob: try self.order("scale", job, "\(Int.random(in: 1...5, using: &self.seed))")
        case .pauseJob:
            try self.order("pause", job)
            self.pass(milliseconds)
            try self.order("resume", job)
        case .quietAll:
            try self.order("quiet")
            self.pass(milliseconds)
            try self.order("resume", "--all")
        case .drainJob:
            try self.order("drain", job)
            try self.order("resume", job)
        case .restartJob: try self.order("restart", job)
        case .reloadFile:
            var edit = ChaosFile.Edit(
                threads: .random(in: 1...4, using: &self.seed),
                prefetch: .random(in: 20...60, using: &self.seed),
                without: removes ? job : nil
            )
            try self.supervisor.write(edit)
            try self.order("reload")
            self.pass(milliseconds)
            edit.without = nil
            try self.supervisor.write(edit)
            try self.order("reload")
        default: break
        }
    }

    private func order(_ arguments: String...) throws {
        let result = try self.supervisor.order(arguments)
        #expect(result.status == 0, "\(arguments): \(result.output)\(result.errors); \(self.seed.replay)")
    }

    /// Nothing but deeds of people for a while: what the broker gives out again then is what the supervisor gave back,
    /// message for message.
    func calm() throws {
        let connection = try Broker.connect(to: self.broker.endpoints[0])
        defer { connection.close() }
        let firehose = try Firehose(try connection.openChannel())
        let before = try self.returned()
        try self.broker.control("trace_on")
        var counted: [String: Firehose.Count] = [:]
        for deed in Blow.deeds.shuffled(using: &self.seed) {
            try self.operate(deed, for: .random(in: 100...500, using: &self.seed), removes: false)
            self.pass(.random(in: 50...500, using: &self.seed))
            try firehose.read(into: &counted)
        }
        // What was given back last comes again too.
        self.record.change { $0.isPaused = true }
        defer { self.record.change { $0.isPaused = false } }
        #expect(self.record.wait(seconds: 120) { $0.isFeederIdle }, "the feeder does not pause; \(self.seed.replay)")
        let left = try self.workOff(seconds: 120) { name in self.jobs.contains { name.hasPrefix($0.input) } }
        #expect(left == [:], "the jobs do not work off what there is; \(self.seed.replay)")
        try self.broker.control("trace_off")
        try firehose.read(into: &counted, pause: .seconds(1))
        let after = try self.returned()
        var sum = 0
        // One that hangs is given out again because its handler was given up; without acks nothing is.
        for job in self.jobs where job.name != "hangs" && job.evidence != .none {
            let returned = (after[job.name] ?? 0) - (before[job.name] ?? 0)
            let redelivered = counted[job.input]?.redelivered ?? 0
            sum += redelivered
            // A quorum queue also calls a redelivery what it had handed out to a channel that never sent it.
            let isRight = job.type == "quorum" ? returned <= redelivered : returned == redelivered
            #expect(isRight, "\(job.name): \(returned) given back, \(redelivered) again; \(self.seed.replay)")
        }
        self.say("in the calm \(sum) were redelivered; of classic queues as many as were given back")
    }

    /// Of each job: what it has given back, drained or failed.
    private func returned() throws -> [String: Int] {
        let result = try self.supervisor.order(["status", "--json"])
        let status = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        let jobs = try #require(status?["jobs"] as? [[String: Any]])
        return jobs.reduce(into: [:]) { counts, job in
            guard let name = job["name"] as? String, let all = job["counts"] as? [String: Int] else { return }
            counts[name] = (all["given_back"] ?? 0) + (all["requeued"] ?? 0)
        }
    }
}
