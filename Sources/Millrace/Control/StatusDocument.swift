import AMQPClient

/// A supervisor as it stands, for people and for programs: two renderings of one ``SupervisorStatus`` and its board.
package struct StatusDocument: Sendable {
    let status: SupervisorStatus
    let identity: FileIdentity
    let loadedAt: Int64
    let refusal: (time: Int64, text: String)?
    let stateProblem: String?
    let rates: [String: Double]
    /// Those of its file, in order, and who has one rest.
    package let schedules: [ScheduleStatus]
    let broker: BrokerFacts?
    /// The broker that it goes away from, while something is in hand there.
    let leaving: String?
    /// Of the command, the process and this machine.
    let build: String
    let processID: Int32
    let host: String
    let startedAt: Int64
    let zone: Int64
    /// Connections for jobs that were made after the first.
    var reconnects = 0
    /// What the broker said of the jobs' queues when it was asked last, not long ago.
    var queues: [String: BacklogWatch.Count] = [:]
    var standings: [ScheduleStanding] = []
    /// Where clients of this machine find the broker in this process, if there is one.
    var embedded: String?

    /// Whether something is not as it should be.
    package var isDegraded: Bool {
        !self.status.readiness.isReady || self.refusal != nil || self.stateProblem != nil
    }

    // MARK: For people

    /// Lines: the verdict first.
    ///
    /// - Parameters:
    ///   - job: Only this one; nil is all.
    ///   - width: Columns of the terminal.
    /// - Returns: Lines, each with its end.
    package func text(job: String? = nil, width: Int = 80) -> String {
        var lines: [String] = [self.headline]
        lines.append(self.connectionLine)
        let jobs = self.status.jobs.filter { job == nil || $0.name == job }
        let table = StatusText.table(jobs, time: "", rates: self.rates, width: width)
        lines += table.split(separator: "\n").map(String.init)
        for job in jobs { lines += self.notes(of: job) }
        if job != nil { for job in jobs { lines += self.measureLines(of: job) } }
        if job == nil { lines += self.schedules.filter { $0.pause != nil }.map { "schedule \(self.line(of: $0))" } }
        let reasons = job == nil ? self.status.readiness.reasons : jobs.compactMap(\.shortfall)
        lines += reasons.map { "not ready: \(PlainText.line($0))" }
        if let stateProblem { lines.append("not kept: \(PlainText.line(stateProblem))") }
        return lines.joined(separator: "\n") + "\n"
    }

    private var headline: String {
        let loaded = ClockText.minutes(self.loadedAt, zone: self.zone)
        let running = "\(PlainText.line(self.identity.path)) \(self.identity.short) loaded \(loaded)"
        guard let refusal else { return "config \(running)" }
        let first = refusal.text.split(separator: "\n").first.map(String.init) ?? refusal.text
        let time = ClockText.minutes(refusal.time, zone: self.zone)
        return "RELOAD FAILED \(time) \(PlainText.line(first)), still running \(running)"
    }

    private var connectionLine: String {
        var line = "connection \(Self.word(self.status.connection))"
        if let broker { line += ", \(PlainText.line(broker.text))" }
        if self.embedded != nil { line += "; it is in memory, and gone with this process" }
        if case .missing(let reason?) = self.status.connection { line += ": \(PlainText.line(reason))" }
        if let outputs = self.status.outputs { line += "; outputs \(Self.word(outputs))" }
        if let leaving { line += "; finishing at \(PlainText.line(leaving))" }
        if self.status.isDraining { line += "; draining" }
        return line
    }

    private func notes(of job: JobStatus) -> [String] {
        let name = PlainText.line(job.name)
        var notes = self.remarks(on: job).map { "\(name): \($0)" }
        if let reason = job.reason { notes.append("\(name): \(job.state): \(PlainText.line(reason))") }
        return notes
    }

    /// What makes a job's threads or its state other than its file says, a line each.
    private func remarks(on job: JobStatus) -> [String] {
        var remarks: [String] = []
        if let threads = job.overrides.threads {
            let note = threads.note.text(zone: self.zone)
            remarks.append("threads \(threads.wish.text) (file: \(job.fileThreads), \(note))")
        }
        if let pause = job.overrides.pause {
            remarks.append("\(pause.isPaused ? "paused" : "resumed") (\(pause.note.text(zone: self.zone)))")
        } else if job.state == .paused {
            remarks.append("paused by its file")
        }
        if let hold = job.hold { remarks.append(hold.text(zone: self.zone)) }
        if let note = job.scalingNote { remarks.append(note) }
        if job.isLeaving { remarks.append("in the file no more; its workers end") }
        return remarks
    }

    /// One schedule, on one line.
    package func line(of schedule: ScheduleStatus) -> String {
        let name = PlainText.line(schedule.name)
        guard let pause = schedule.pause else { return "\(name): to queue '\(PlainText.line(schedule.queue))'" }
        return "\(name): paused (\(pause.text(zone: self.zone)))"
    }

    static func word(_ connection: SupervisorStatus.Connection) -> String {
        switch connection {
        case .up: "up"
        case .blocked: "blocked"
        case .missing: "missing"
        }
    }

    // MARK: For programs

    /// As JSON.
    package var value: OptionValue {
        var members: [OptionValue.Member] = [
            .init(key: "build", value: .string(self.build)), .init(key: "host", value: .string(self.host)),
            .init(key: "pid", value: .int(Int64(self.processID))), .init(key: "started", value: .int(self.startedAt)),
            .init(key: "config", value: .object(self.configuration)),
            .init(key: "connection", value: Self.value(self.status.connection, self.broker, self.embedded)),
        ]
        if let outputs = self.status.outputs {
            members.append(.init(key: "outputs", value: Self.value(outputs, nil, nil)))
        }
        let reasons = self.status.readiness.reasons
        members += [
            .init(key: "draining", value: .bool(self.status.isDraining)),
            .init(key: "ready", value: .bool(reasons.isEmpty)),
            .init(key: "reasons", value: .array(reasons.map { .string($0) })),
            .init(key: "jobs", value: .array(self.status.jobs.map { self.value(of: $0) })),
        ]
        if let leaving { members.append(.init(key: "leaving", value: .string(leaving))) }
        if !self.schedules.isEmpty {
            members.append(.init(key: "schedules", value: .array(self.schedules.map(Self.value))))
        }
        if let stateProblem { members.append(.init(key: "state_problem", value: .string(stateProblem))) }
        return .object(members)
    }

    private var configuration: [OptionValue.Member] {
        var members: [OptionValue.Member] = [
            .init(key: "file", value: .string(self.identity.path)),
            .init(key: "digest", value: .string(self.identity.digest)),
            .init(key: "loaded", value: .int(self.loadedAt)),
        ]
        if let refusal {
            let failure: [OptionValue.Member] = [
                .init(key: "time", value: .int(refusal.time)), .init(key: "text", value: .string(refusal.text)),
            ]
            members.append(.init(key: "reload_failed", value: .object(failure)))
        }
        return members
    }

    private static func value(
        _ connection: SupervisorStatus.Connection,
        _ broker: BrokerFacts?,
        _ embedded: String?
    ) -> OptionValue {
        var members: [OptionValue.Member] = [.init(key: "state", value: .string(Self.word(connection)))]
        if let broker { members += broker.members }
        if let embedded {
            members += [.init(key: "in_memory", value: .bool(true)), .init(key: "uri", value: .string(embedded))]
        }
        if case .missing(let reason?) = connection { members.append(.init(key: "reason", value: .string(reason))) }
        return .object(members)
    }

    /// One job's part.
    package func value(of job: JobStatus) -> OptionValue {
        var members: [OptionValue.Member] = [
            .init(key: "name", value: .string(job.name)), .init(key: "queue", value: .string(job.queue)),
            .init(key: "state", value: .string("\(job.state)")),
            .init(key: "threads", value: .int(Int64(job.threads))),
            .init(key: "file_threads", value: .int(Int64(job.fileThreads))),
            .init(key: "consuming", value: .int(Int64(job.consuming))),
            .init(key: "in_hand", value: .int(Int64(job.inHand))),
            .init(key: "oldest_in_hand_seconds", value: .double(Double(job.oldestInHand.nanoseconds) / 1e9)),
        ]
        members += self.measures(of: job)
        if let rate = self.rates[job.name] { members.append(.init(key: "per_second", value: .double(rate))) }
        if let reason = job.reason { members.append(.init(key: "reason", value: .string(reason))) }
        if let note = job.scalingNote { members.append(.init(key: "scaling", value: .string(note))) }
        if let hold = job.hold { members.append(.init(key: "hold", value: hold.value)) }
        if job.isLeaving { members.append(.init(key: "leaving", value: .bool(true))) }
        if let threads = job.overrides.threads {
            members.append(
                .init(key: "threads_override", value: Self.value(threads.note, "threads", .string(threads.wish.text)))
            )
        }
        if let pause = job.overrides.pause {
            members.append(.init(key: "pause_override", value: Self.value(pause.note, "paused", .bool(pause.isPaused))))
        }
        let remarks = self.remarks(on: job)
        if !remarks.isEmpty { members.append(.init(key: "notes", value: .array(remarks.map { .string($0) }))) }
        let counts = job.counts.all.map { OptionValue.Member(key: $0.name, value: .int(Int64($0.count))) }
        members.append(.init(key: "counts", value: .object(counts)))
        return .object(members)
    }

    /// A schedule's part.
    package static func value(_ schedule: ScheduleStatus) -> OptionValue {
        var members: [OptionValue.Member] = [
            .init(key: "name", value: .string(schedule.name)), .init(key: "queue", value: .string(schedule.queue)),
            .init(key: "paused", value: .bool(schedule.pause != nil)),
        ]
        if let pause = schedule.pause {
            members.append(.init(key: "pause_override", value: Self.value(pause, "paused", .bool(true))))
        }
        return .object(members)
    }

    private static func value(_ note: ChangeNote, _ key: String, _ value: OptionValue) -> OptionValue {
        var members: [OptionValue.Member] = [
            .init(key: key, value: value), .init(key: "by", value: .string(note.actor)),
            .init(key: "since", value: .int(note.since)),
        ]
        if let reason = note.reason { members.append(.init(key: "reason", value: .string(reason))) }
        if let until = note.until { members.append(.init(key: "until", value: .int(until))) }
        return .object(members)
    }
}
