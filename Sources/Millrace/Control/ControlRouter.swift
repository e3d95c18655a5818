import AMQPClient

/// The one way in for operators: what a path means, and what is answered.
///
/// Every door leads here.
/// It waits for nothing: what takes its time is answered by whoever does it.
///
/// Why: record 13, doors.
package final class ControlRouter: Sendable {
    typealias Reply = @Sendable (ControlResponse) -> Void

    let supervisor: Supervisor
    let build: String

    /// - Parameters:
    ///   - supervisor: Whose.
    ///   - build: Of the program.
    package init(_ supervisor: Supervisor, build: String) {
        self.supervisor = supervisor
        self.build = build
    }

    /// Every path there is, as the description of the interface has it.
    package static let routes: [(method: String, path: String)] = [
        ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/api/v1/status"),
        ("GET", "/api/v1/jobs/{job}"), ("GET", "/api/v1/dump"), ("GET", "/api/v1/jobs/{job}/dump"),
        ("GET", "/api/v1/history"), ("GET", "/api/v1/plan"), ("POST", "/api/v1/reload"), ("POST", "/api/v1/pause"),
        ("POST", "/api/v1/resume"), ("POST", "/api/v1/quiet"), ("POST", "/api/v1/drain"),
        ("POST", "/api/v1/jobs/{job}/pause"), ("POST", "/api/v1/jobs/{job}/resume"),
        ("POST", "/api/v1/jobs/{job}/scale"), ("POST", "/api/v1/jobs/{job}/restart"),
        ("GET", "/api/v1/jobs/{job}/drained"), ("GET", "/api/v1/explain"), ("GET", "/api/v1/jobs/{job}/explain"),
        ("GET", "/api/v1/schedules"),
        ("POST", "/api/v1/rebalance"),
        ("POST", "/api/v1/schedules/{schedule}/pause"), ("POST", "/api/v1/schedules/{schedule}/resume"),
    ]

    /// Answers a request, once, on any thread.
    package func answer(_ request: ControlRequest, reply: @escaping @Sendable (ControlResponse) -> Void) {
        let path = request.path
        switch (request.method, path.first, path.count) {
        case ("GET", "livez", 1): reply(self.live(request))
        case ("GET", "readyz", 1): reply(self.ready(request))
        case ("GET", "metrics", 1):
            reply(ControlResponse(type: .metrics, body: MetricsText.of(self.supervisor.document(build: self.build))))
        case (_, "api", 3...) where path[1] == "v1": self.answer(request, Array(path[2...]), reply)
        default: reply(Self.failure(404, "there is no such path", request))
        }
    }

    private func answer(_ request: ControlRequest, _ path: [String], _ reply: @escaping Reply) {
        switch (request.method, path[0], path.count) {
        case ("GET", "status", 1): reply(self.status(request, job: nil))
        case ("GET", "jobs", 2): reply(self.status(request, job: path[1]))
        case ("GET", "dump", 1): reply(self.dump(request, job: nil))
        case ("GET", "jobs", 3) where path[2] == "dump": reply(self.dump(request, job: path[1]))
        case ("GET", "jobs", 3) where path[2] == "drained": self.drained(request, path[1], reply)
        case ("GET", "jobs", 3) where path[2] == "explain": self.explain(request, path[1], reply)
        case ("GET", "explain", 1): self.explain(request, nil, reply)
        case ("POST", "rebalance", 1):
            let reason = request.query["reason"].map { String($0.prefix(200)) }
            self.ask(.rebalance(to: request.query["to"], .now(request.actor, reason: reason)), request, reply)
        case ("GET", "schedules", 1): reply(self.schedules(request))
        case ("POST", "schedules", 3) where path[2] == "pause": self.pauseSchedule(request, path[1], true, reply)
        case ("POST", "schedules", 3) where path[2] == "resume": self.pauseSchedule(request, path[1], false, reply)
        case ("GET", "history", 1): reply(self.history(request))
        case ("GET", "plan", 1): self.plan(request, reply)
        case ("POST", "reload", 1):
            self.supervisor.reload(path: request.query["file"], plan: request.query["plan"], .now(request.actor)) {
                reply(Self.response($0, request))
            }
        case ("POST", "pause", 1), ("POST", "quiet", 1): self.pause(request, nil, true, reply)
        case ("POST", "resume", 1): self.pause(request, nil, false, reply)
        case ("POST", "drain", 1): self.ask(.drain(.now(request.actor)), request, reply)
        case ("POST", "jobs", 3) where path[2] == "pause": self.pause(request, path[1], true, reply)
        case ("POST", "jobs", 3) where path[2] == "resume": self.pause(request, path[1], false, reply)
        case ("POST", "jobs", 3) where path[2] == "scale": self.scale(request, path[1], reply)
        case ("POST", "jobs", 3) where path[2] == "restart":
            self.ask(.restart(job: path[1], .now(request.actor)), request, reply)
        default:
            let isKnown = Self.routes.contains { Self.isSame($0.path, request.path) }
            reply(Self.failure(isKnown ? 405 : 404, isKnown ? "not by this method" : "there is no such path", request))
        }
    }

    /// Whether a path is meant by one of ``routes``.
    private static func isSame(_ route: String, _ path: [String]) -> Bool {
        let parts = route.split(separator: "/")
        return parts.count == path.count && zip(parts, path).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }

    // MARK: Questions

    private func live(_ request: ControlRequest) -> ControlResponse {
        let isTicking = self.supervisor.isTicking
        let text = isTicking ? "the supervisor goes round" : "the supervisor has not looked around for 5 s"
        return Self.probe(request, isTicking, [OptionValue.Member(key: "live", value: .bool(isTicking))], [text])
    }

    private func ready(_ request: ControlRequest) -> ControlResponse {
        let reasons = self.supervisor.readiness.reasons
        let members: [OptionValue.Member] = [
            .init(key: "ready", value: .bool(reasons.isEmpty)),
            .init(key: "reasons", value: .array(reasons.map { .string($0) })),
        ]
        let isInMemory = self.supervisor.broker.withLock { $0 != nil }
        let ready = isInMemory ? "ready; the broker is in memory, and gone with this process" : "ready"
        return Self.probe(request, reasons.isEmpty, members, reasons.isEmpty ? [ready] : reasons)
    }

    /// Text, for those who probe say what they want seldom, unless JSON is asked for.
    private static func probe(
        _ request: ControlRequest,
        _ isFine: Bool,
        _ members: [OptionValue.Member],
        _ lines: [String]
    ) -> ControlResponse {
        ControlResponse(
            status: isFine ? 200 : 503,
            type: request.wantsJSON ? .json : .text,
            body: request.wantsJSON
                ? OptionValue.object(members).json + "\n" : lines.map { PlainText.line($0) + "\n" }.joined(),
            exit: isFine ? 0 : 1
        )
    }

    private func status(_ request: ControlRequest, job: String?) -> ControlResponse {
        let document = self.supervisor.document(build: self.build)
        let jobs = document.status.jobs.filter { job == nil || $0.name == job }
        if let job, jobs.isEmpty { return self.unknown(job, request) }
        let isDegraded = job == nil ? document.isDegraded : jobs.contains { $0.shortfall != nil }
        let width = request.query["width"].flatMap { Int($0) } ?? 80
        if request.wantsText {
            return ControlResponse(type: .text, body: document.text(job: job, width: width), exit: isDegraded ? 1 : 0)
        }
        let value = job == nil ? document.value : document.value(of: jobs[0])
        return ControlResponse(type: .json, body: value.json + "\n", exit: isDegraded ? 1 : 0)
    }

    private func dump(_ request: ControlRequest, job: String?) -> ControlResponse {
        let all = self.supervisor.workers(of: job)
        if let job, all.isEmpty { return self.unknown(job, request) }
        if request.wantsText {
            let parts = all.map { "\(PlainText.line($0.job))\n\(WorkerStatus.text($0.workers))" }
            return ControlResponse(type: .text, body: parts.joined(separator: "\n"))
        }
        let value = OptionValue.object([
            .init(
                key: "jobs",
                value: .array(
                    all.map { job in
                        .object([
                            .init(key: "name", value: .string(job.job)),
                            .init(key: "workers", value: .array(job.workers.map(\.value))),
                        ])
                    }
                )
            )
        ])
        return ControlResponse(type: .json, body: value.json + "\n")
    }

    /// Waits until a job that rests has nothing in hand any more.
    private func drained(_ request: ControlRequest, _ name: String, _ reply: @escaping Reply) {
        var deadline: UInt64 = 0
        if let text = request.query["wait"] {
            guard case .success(let time) = DurationText.parse(text), time <= .seconds(86_400) else {
                return reply(Self.failure(400, "wait is a duration of at most a day, as in 30s", request))
            }
            deadline = MonotonicClock.now() &+ time.nanoseconds
        }
        self.ask(.awaitDrained(job: name, until: deadline), request, reply)
    }

    private func explain(_ request: ControlRequest, _ name: String?, _ reply: @escaping Reply) {
        guard let patience = self.patience(request, reply) else { return }
        do throws(ThreadError) {
            try WorkerThread.start(name: "explain") { [self] in
                guard let all = self.supervisor.explain(name, patience: patience) else {
                    return reply(self.unknown(name ?? "", request))
                }
                let body: String
                if request.wantsText {
                    body = all.isEmpty ? "there are no jobs\n" : all.map(\.text).joined()
                } else if name != nil, let only = all.first {
                    body = only.value.json + "\n"
                } else {
                    let jobs = OptionValue.Member(key: "jobs", value: .array(all.map(\.value)))
                    body = OptionValue.object([jobs]).json + "\n"
                }
                let exit: Int32 = all.allSatisfy(\.isFine) ? 0 : 1
                reply(ControlResponse(type: request.wantsText ? .text : .json, body: body, exit: exit))
            }.detach()
        } catch {
            reply(Self.failure(503, "\(error)", request))
        }
    }

    /// How long the broker may answer nothing.
    private func patience(_ request: ControlRequest, _ reply: @escaping Reply) -> Duration? {
        guard let text = request.query["wait"] else { return BrokerQuestions.patience }
        guard case .success(let time) = DurationText.parse(text), time <= .seconds(60) else {
            reply(Self.failure(400, "wait is a duration of at most a minute, as in 5s", request))
            return nil
        }
        return time
    }

    private func history(_ request: ControlRequest) -> ControlResponse {
        let entries = self.supervisor.history.entries
        if request.wantsText {
            let zone = WallClock.zone()
            let lines = entries.map { entry in
                var line = "\(ClockText.minutes(entry.time, zone: zone))  \(PlainText.line(entry.what))"
                line += ", by \(PlainText.line(entry.actor))"
                if let reason = entry.reason { line += ", \"\(PlainText.line(reason))\"" }
                if let outcome = entry.outcome { line += ": \(PlainText.line(outcome))" }
                return line + "\n"
            }
            return ControlResponse(type: .text, body: lines.isEmpty ? "nothing was changed\n" : lines.joined())
        }
        let value = OptionValue.array(
            entries.map { entry in
                var members: [OptionValue.Member] = [
                    .init(key: "time", value: .int(entry.time)), .init(key: "by", value: .string(entry.actor)),
                    .init(key: "what", value: .string(entry.what)),
                ]
                if let reason = entry.reason { members.append(.init(key: "reason", value: .string(reason))) }
                if let outcome = entry.outcome { members.append(.init(key: "outcome", value: .string(outcome))) }
                return .object(members)
            }
        )
        return ControlResponse(
            type: .json,
            body: OptionValue.object([.init(key: "history", value: value)]).json + "\n"
        )
    }

    private func plan(_ request: ControlRequest, _ reply: @escaping Reply) {
        guard let patience = self.patience(request, reply) else { return }
        self.supervisor.load(request.query["file"]) { [self] outcome in
            switch outcome {
            case .failure(let failure): reply(Self.wrongFile(failure.description, request))
            case .success(let loaded):
                let document = PlanDocument(
                    plan: self.supervisor.plan(loaded),
                    file: loaded.identity.path,
                    broker: self.supervisor.differences(from: loaded.file, patience: patience)
                )
                let body = request.wantsText ? document.text : document.value.json + "\n"
                reply(ControlResponse(type: request.wantsText ? .text : .json, body: body))
            }
        }
    }

    private func schedules(_ request: ControlRequest) -> ControlResponse {
        let document = self.supervisor.document(build: self.build)
        if request.wantsText {
            let lines = document.schedules.map { document.line(of: $0) + "\n" }
            return ControlResponse(type: .text, body: lines.isEmpty ? "there are no schedules\n" : lines.joined())
        }
        let value = OptionValue.object([
            .init(key: "schedules", value: .array(document.schedules.map(StatusDocument.value)))
        ])
        return ControlResponse(type: .json, body: value.json + "\n")
    }

    // MARK: Changes

    private func pause(_ request: ControlRequest, _ job: String?, _ isPaused: Bool, _ reply: @escaping Reply) {
        guard let note = self.note(request, reply) else { return }
        self.ask(.setPause(job: job, isPaused: isPaused, note), request, reply)
    }

    private func pauseSchedule(
        _ request: ControlRequest,
        _ name: String,
        _ isPaused: Bool,
        _ reply: @escaping Reply
    ) {
        guard let note = self.note(request, reply) else { return }
        self.ask(.setSchedulePause(name, isPaused: isPaused, note), request, reply)
    }

    private func scale(_ request: ControlRequest, _ job: String, _ reply: @escaping Reply) {
        guard let note = self.note(request, reply) else { return }
        let text = request.query["threads"] ?? ""
        let wish = ThreadsWish(text)
        guard wish != nil || text == "auto" else {
            return reply(
                Self.failure(400, "threads is a number from 1 to 512, MIN..MAX, or auto, not '\(text)'", request)
            )
        }
        self.ask(.scale(job: job, wish, note), request, reply)
    }

    /// Who wants it, why and for how long.
    private func note(_ request: ControlRequest, _ reply: @escaping Reply) -> ChangeNote? {
        var time: Duration?
        if let text = request.query["for"] {
            guard case .success(let duration) = DurationText.parse(text), duration >= .seconds(1) else {
                reply(Self.failure(400, "for is a duration of at least a second, as in 90s, 2h or 1h30m", request))
                return nil
            }
            time = duration
        }
        let reason = request.query["reason"].map { String($0.prefix(200)) }
        return .now(request.actor, reason: reason, for: time)
    }

    private func ask(_ command: Command, _ request: ControlRequest, _ reply: @escaping Reply) {
        self.supervisor.ask(command) { reply(Self.response($0, request)) }
    }

    // MARK: Answers

    private func unknown(_ job: String, _ request: ControlRequest) -> ControlResponse {
        guard case .refused(let text) = self.supervisor.refuseUnknown(job) else {
            return Self.failure(404, job, request)
        }
        return Self.failure(404, text, request)
    }

    private static func response(_ reply: CommandReply, _ request: ControlRequest) -> ControlResponse {
        switch reply {
        case .done: self.success([], request)
        case .noted(let notes): self.success(notes, request)
        case .refused(let text): Self.failure(Self.isUnknown(text) ? 404 : 409, text, request)
        case .wrongFile(let text): Self.wrongFile(text, request)
        }
    }

    /// The job file is wrong: status 78, as of the command that runs it.
    private static func wrongFile(_ text: String, _ request: ControlRequest) -> ControlResponse {
        var response = Self.failure(422, text, request)
        response.exit = ExitStatus.configuration.rawValue
        return response
    }

    private static func isUnknown(_ text: String) -> Bool {
        text.hasPrefix("there is no job ") || text.hasPrefix("there is no schedule ")
    }

    private static func success(_ notes: [String], _ request: ControlRequest) -> ControlResponse {
        if request.wantsText {
            return ControlResponse(
                type: .text,
                body: (["done"] + notes.map { PlainText.line($0) }).joined(separator: "\n") + "\n"
            )
        }
        let value = OptionValue.object([
            .init(key: "done", value: .bool(true)),
            .init(key: "notes", value: .array(notes.map { .string($0) })),
        ])
        return ControlResponse(type: .json, body: value.json + "\n")
    }

    /// What is wrong, with status 1.
    package static func failure(_ status: Int, _ text: String, _ request: ControlRequest?) -> ControlResponse {
        if request?.wantsText == true {
            return ControlResponse(status: status, type: .text, body: PlainText.block(text) + "\n", exit: 1)
        }
        let value = OptionValue.object([.init(key: "error", value: .string(text))])
        return ControlResponse(status: status, type: .json, body: value.json + "\n", exit: 1)
    }
}
