import AMQPClient
import AMQPWire

/// A fleet as its supervisors' answers show it, and as the broker counts its consumers.
package struct FleetView: Sendable {
    package let fleet: String
    package let answers: [FleetAnswer]
    /// Everybody's consumers of queues, as the broker has said.
    let consumers: [String: Int]
    /// How many supervisors somebody expects; nil if nobody said.
    let expected: Int?

    package init(_ fleet: String, _ answers: [FleetAnswer], consumers: [String: Int] = [:], expected: Int? = nil) {
        self.fleet = fleet
        self.answers = answers.sorted { ($0.host, $0.processID, $0.id) < ($1.host, $1.processID, $1.id) }
        self.consumers = consumers
        self.expected = expected
    }

    /// What is not as it should be, a line each; none if all is well.
    package var findings: [String] {
        var findings: [String] = []
        if self.answers.isEmpty { findings.append("no supervisor of fleet '\(self.fleet)' answers") }
        if let expected, self.answers.count < expected {
            findings.append("\(Plural.of(self.answers.count, "supervisor")) of \(expected) answered")
        }
        findings += self.silent
        findings += self.drift("build", \.build, short: false)
        findings += self.drift("job file", \.digest, short: true)
        for answer in self.answers where answer.isDraining { findings.append("\(Self.name(answer)) drains") }
        for answer in self.answers where !answer.isReady && !answer.isDraining {
            findings.append("\(Self.name(answer)) is not ready: millrace status there says why")
        }
        return findings
    }

    /// Consumers of which nobody has told.
    private var silent: [String] {
        self.consumers.sorted { $0.key < $1.key }.compactMap { queue, count -> String? in
            let told = self.answers.flatMap(\.jobs).reduce(0) { $0 + $1.consuming(queue) }
            guard count > told else { return nil }
            return
                "queue '\(PlainText.line(queue))' has \(Plural.of(count, "consumer")) and the answers tell of \(told): "
                + "a supervisor does not answer, or others consume it too"
        }
    }

    private func drift(_ what: String, _ key: KeyPath<FleetAnswer, String>, short: Bool) -> [String] {
        let groups = Dictionary(grouping: self.answers) { $0[keyPath: key] }
        guard groups.count > 1 else { return [] }
        let parts = groups.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.map { value, answers in
            let shown = PlainText.line(short ? String(value.prefix(8)) : value)
            return "\(shown) on \(answers.map(Self.name).joined(separator: ", "))"
        }
        return ["the \(what) differs: \(parts.joined(separator: "; "))"]
    }

    package var isDegraded: Bool { !self.findings.isEmpty }

    private static func name(_ answer: FleetAnswer) -> String {
        "\(PlainText.line(answer.host, limit: 60))/\(answer.processID)"
    }

    // MARK: For people

    /// Lines, each with its end.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Returns: Supervisors, jobs, and what is not as it should be.
    package func text(now: Int64) -> String {
        var lines = ["fleet \(PlainText.line(self.fleet)): \(Plural.of(self.answers.count, "supervisor"))"]
        lines += self.tables(now: now).joined(separator: [""])
        let findings = self.findings
        if !findings.isEmpty { lines += [""] + findings }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Supervisors, and jobs over all of them.
    ///
    /// - Parameter now: Seconds since 1970.
    /// - Returns: The lines of each table, the title and a rule first; none of nobody.
    package func tables(now: Int64) -> [[String]] {
        var tables: [[String]] = []
        let answers = self.answers
        if !answers.isEmpty {
            tables.append(
                TextTable([
                    .init("supervisor", answers.map(Self.name), isText: true),
                    .init("broker", answers.map { PlainText.line($0.node, limit: 60) }, isText: true),
                    .init("build", answers.map { PlainText.line($0.build, limit: 20) }, isText: true),
                    .init("config", answers.map { PlainText.line(String($0.digest.prefix(8))) }, isText: true),
                    .init("up", answers.map { StatusText.short(.seconds(max(now - $0.started, 0))) }),
                    .init(
                        "state",
                        answers.map { $0.isDraining ? "draining" : $0.isReady ? "ready" : "not ready" },
                        isText: true
                    ),
                ]).lines
            )
        }
        let jobs = self.jobs
        if !jobs.isEmpty {
            tables.append(
                TextTable([
                    .init("job", jobs.map { PlainText.line($0.name, limit: 60) }, isText: true),
                    .init("states", jobs.map(\.states), isText: true),
                    .init("consuming", jobs.map { "\($0.consuming)/\($0.threads)" }),
                    .init("in hand", jobs.map { "\($0.inHand)" }),
                    .init("per s", jobs.map { "\(Int($0.perSecond.rounded()))" }),
                ]).lines
            )
        }
        return tables
    }

    private struct Total {
        let name: String
        var states: String
        var threads = 0
        var consuming = 0
        var inHand = 0
        var perSecond = 0.0
    }

    private var jobs: [Total] {
        let groups = Dictionary(grouping: self.answers.flatMap(\.jobs), by: \.name)
        return groups.sorted { $0.key < $1.key }.map { name, jobs in
            let states = Dictionary(grouping: jobs, by: \.state).sorted { $0.key < $1.key }
                .map { "\($0.value.count) \(PlainText.line($0.key, limit: 20))" }
            return Total(
                name: name,
                states: states.joined(separator: ", "),
                threads: jobs.reduce(0) { $0 + $1.threads },
                consuming: jobs.reduce(0) { $0 + $1.consuming },
                inHand: jobs.reduce(0) { $0 + $1.inHand },
                perSecond: jobs.reduce(0) { $0 + ($1.perSecond ?? 0) }
            )
        }
    }

    // MARK: For programs

    /// As JSON.
    package var value: OptionValue {
        .object([
            .init(key: "fleet", value: .string(self.fleet)),
            .init(key: "supervisors", value: .array(self.answers.map(\.value))),
            .init(key: "findings", value: .array(self.findings.map { .string($0) })),
        ])
    }
}
