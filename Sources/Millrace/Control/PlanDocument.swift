import AMQPClient

/// What a job file would change, for people and for programs.
package struct PlanDocument: Sendable {
    let plan: ReloadPlan
    let file: String
    let broker: BrokerDifferences

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
        switch self.broker {
        case .found(let differences): lines += differences.map { "  the broker: " + PlainText.line($0) }
        case .unknown(let reason): lines.append("  the broker is not compared: " + PlainText.line(reason))
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
        switch self.broker {
        case .found(let differences): members.append(Self.list("broker", differences))
        case .unknown(let reason): members.append(.init(key: "broker_unknown", value: .string(reason)))
        }
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
