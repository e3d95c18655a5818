import AMQPClient

/// What a job file would change, for people and for programs.
package struct PlanDocument: Sendable {
    let plan: ReloadPlan
    let file: String
    /// What the broker has otherwise than the file, a line each; nil if there is no connection to ask it.
    let differences: [String]?

    package var text: String {
        var lines = ["plan \(self.plan.digest) for \(PlainText.line(self.file))"]
        for job in self.plan.jobs {
            lines.append(
                "  \(Self.word(job.change).padded(to: 17)) \(PlainText.line(job.name))\(Self.keys(job.change))"
            )
            lines += job.notes.map { "    " + PlainText.line($0) }
        }
        lines += self.plan.notes.map { "  " + PlainText.line($0) }
        lines += self.plan.fallen.map { "  ends: " + PlainText.line($0) }
        if let differences {
            lines += differences.map { "  the broker: " + PlainText.line($0) }
        } else {
            lines.append("  the broker was not asked: there is no connection")
        }
        if self.plan.isEmpty { lines.append("nothing changes") }
        lines.append("to have exactly this: millrace reload --plan \(self.plan.digest)")
        return lines.joined(separator: "\n") + "\n"
    }

    package var value: OptionValue {
        let jobs = self.plan.jobs.map { job -> OptionValue in
            var members: [OptionValue.Member] = [
                .init(key: "name", value: .string(job.name)),
                .init(key: "change", value: .string(Self.word(job.change).replacing(" ", with: "_"))),
            ]
            if case .inPlace(let keys) = job.change { members.append(Self.list("keys", keys)) }
            if case .replaced(let keys) = job.change { members.append(Self.list("keys", keys)) }
            if !job.notes.isEmpty { members.append(Self.list("notes", job.notes)) }
            return .object(members)
        }
        var members: [OptionValue.Member] = [
            .init(key: "plan", value: .string(self.plan.digest)), .init(key: "file", value: .string(self.file)),
            .init(key: "jobs", value: .array(jobs)), Self.list("notes", self.plan.notes),
            Self.list("overrides_that_end", self.plan.fallen),
        ]
        if let differences { members.append(Self.list("broker", differences)) }
        return .object(members)
    }

    private static func list(_ key: String, _ lines: [String]) -> OptionValue.Member {
        .init(key: key, value: .array(lines.map { .string($0) }))
    }

    private static func word(_ change: ReloadPlan.Change) -> String {
        switch change {
        case .unchanged: "unchanged"
        case .inPlace: "in place"
        case .replaced: "workers replaced"
        case .added: "added"
        case .removed: "removed"
        }
    }

    private static func keys(_ change: ReloadPlan.Change) -> String {
        switch change {
        case .inPlace(let keys), .replaced(let keys): " (\(keys.joined(separator: ", ")))"
        case .unchanged, .added, .removed: ""
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(width - self.count, 0))
    }
}

extension Supervisor {
    /// What the broker has otherwise than a file says; on a thread that may wait.
    ///
    /// Nothing is made: a queue or an exchange that is not there is named as such.
    ///
    /// - Returns: A line each; nil without a connection.
    func differences(from file: JobFile) -> [String]? {
        guard let connection = self.source.current else { return nil }
        var differences: [String] = []
        for planned in Topology(file).plan(for: connection).planned {
            do throws(AMQPError) {
                let channel = try connection.openChannel(outwaitsBlocks: false)
                defer { channel.close() }
                channel.requestTimeout = .seconds(5)
                switch planned.item {
                case .queue(let name): _ = try channel.declareQueue(name, passive: true)
                case .exchange(let name): try channel.declareExchange(name, passive: true)
                case .queueBinding, .exchangeBinding: continue
                }
                // There: to declare it again makes nothing, and says whether it is the same.
                try channel.declare(planned.request)
            } catch {
                if error.scope == .connection { return nil }
                let isMissing = error.code.rawValue == 404
                differences.append(
                    "\(planned.item) \(isMissing ? "is not there; it is declared" : "can not be had so: \(error)")"
                )
            }
        }
        return differences
    }
}
