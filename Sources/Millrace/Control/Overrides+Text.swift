/// Overrides as text, for the file that outlives the process: JSON, on one line.
extension Overrides {
    /// What a reader of a later version knows it by.
    static let version: Int64 = 1

    /// As ``init(text:)`` reads it.
    package var text: String {
        let jobs = self.jobs.sorted { $0.key < $1.key }.map { job, own in
            var members: [OptionValue.Member] = []
            if let pause = own.pause {
                members.append(
                    .init(
                        key: "pause",
                        value: .object([.init(key: "paused", value: .bool(pause.isPaused))] + Self.members(pause.note))
                    )
                )
            }
            if let threads = own.threads {
                let wish = OptionValue.Member(key: "wish", value: .string(threads.wish.text))
                members.append(.init(key: "threads", value: .object([wish] + Self.members(threads.note))))
            }
            return OptionValue.Member(key: job, value: .object(members))
        }
        var members: [OptionValue.Member] = [
            .init(key: "millrace_control_state", value: .int(Self.version)), .init(key: "jobs", value: .object(jobs)),
        ]
        let schedules = self.schedules.sorted { $0.key < $1.key }.map { name, note in
            OptionValue.Member(
                key: name,
                value: .object([.init(key: "paused", value: .bool(true))] + Self.members(note))
            )
        }
        if !schedules.isEmpty { members.append(.init(key: "schedules", value: .object(schedules))) }
        return OptionValue.object(members).json + "\n"
    }

    private static func members(_ note: ChangeNote) -> [OptionValue.Member] {
        var members: [OptionValue.Member] = [
            .init(key: "actor", value: .string(note.actor)), .init(key: "since", value: .int(note.since)),
        ]
        if let reason = note.reason { members.append(.init(key: "reason", value: .string(reason))) }
        if let until = note.until { members.append(.init(key: "until", value: .int(until))) }
        return members
    }

    /// Reads what ``text`` wrote.
    ///
    /// - Returns: Nil if it is something else; what is odd in it is left out.
    package init?(text: String) {
        guard case .object(let root)? = OptionValue(json: text), root["millrace_control_state"] == .int(Self.version),
            case .object(let jobs)? = root["jobs"]
        else { return nil }
        var overrides: [String: JobOverrides] = [:]
        for job in jobs {
            guard case .object(let own) = job.value else { continue }
            var override = JobOverrides()
            if case .object(let members)? = own["pause"], case .bool(let isPaused)? = members["paused"],
                let note = Self.note(members)
            {
                override.pause = .init(isPaused: isPaused, note: note)
            }
            if case .object(let members)? = own["threads"], case .string(let text)? = members["wish"],
                let wish = ThreadsWish(text), let note = Self.note(members)
            {
                override.threads = .init(wish, note: note)
            }
            overrides[job.key] = override
        }
        var schedules: [String: ChangeNote] = [:]
        if case .object(let members)? = root["schedules"] {
            for schedule in members {
                guard case .object(let own) = schedule.value, own["paused"] == .bool(true) else { continue }
                schedules[schedule.key] = Self.note(own)
            }
        }
        self.init(overrides, schedules: schedules)
    }

    private static func note(_ members: [OptionValue.Member]) -> ChangeNote? {
        guard case .string(let actor)? = members["actor"], case .int(let since)? = members["since"] else { return nil }
        var note = ChangeNote(actor: actor, since: since)
        if case .string(let reason)? = members["reason"] { note.reason = reason }
        if case .int(let until)? = members["until"] { note.until = until }
        return note
    }
}

extension [OptionValue.Member] {
    subscript(key: String) -> OptionValue? { self.first { $0.key == key }?.value }
}

extension OptionValue {
    /// Reads JSON, which is YAML too.
    ///
    /// - Returns: Nil if it is not well formed.
    package init?(json: String) {
        let bytes = Array(json.utf8)
        guard bytes.count <= YAMLLimits.fileBytes else { return nil }
        let log = DiagnosticLog(source: SourceText(file: "", bytes: bytes))
        guard let tree = YAMLReader.read(bytes, log: log), let value = ValueTreeDecoder(log: log).option(tree),
            !log.hasErrors
        else { return nil }
        self = value
    }
}
