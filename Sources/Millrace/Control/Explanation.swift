import AMQPCore
import AMQPWire

/// Why a job is slow, or does nothing: what holds it up first, in the order broker, connection, prefetch, threads, handler,
/// downstream.
package struct Explanation: Sendable, Equatable {
    package struct Finding: Sendable, Equatable {
        /// One word for programs.
        package let cause: String
        package let text: String
        /// What helps: a command, or a key of the job file; nil if nothing has to be done.
        package let help: String?

        /// Whether the job works all the same, on its other queues.
        fileprivate var leavesWork: Bool { self.cause == "queue-absent" }
    }

    /// At least one; the first is what to look at first.
    package private(set) var findings: [Finding] = []
    private let facts: JobFacts

    package init(_ facts: JobFacts) {
        self.facts = facts
        self.lookAtConnection()
        // What the job is in is known without an answer.
        if self.findings.allSatisfy({ $0.cause == "silent" }) { self.lookAtState() }
        if self.findings.allSatisfy(\.leavesWork) { self.lookAtWork() }
    }

    private var name: String { PlainText.line(self.facts.status.name) }
    /// What it consumes, in the middle of a sentence.
    private var queue: String {
        let names = self.facts.status.queues.map { "'\(PlainText.line($0))'" }
        return names.count == 1 ? "queue \(names[0])" : "each of the queues \(names.joined(separator: ", "))"
    }

    private mutating func find(_ cause: String, _ text: String, _ help: String? = nil) {
        self.findings.append(Finding(cause: cause, text: text, help: help))
    }

    // MARK: Broker and connection

    private mutating func lookAtConnection() {
        if self.facts.isDraining { self.find("draining", "the supervisor is draining: nothing more is begun") }
        switch self.facts.connection {
        case .up:
            if let silence = self.facts.silence {
                self.find(
                    "silent",
                    "the broker has answered nothing for \(StatusText.short(silence)), and the connection is up",
                    "see that it is not frozen: rabbitmq-diagnostics ping; for one that is far away: --wait 5s"
                )
            }
        case .missing(let reason):
            self.find(
                "connection",
                SupervisorStatus.line("there is no connection to the broker", reason.map { PlainText.line($0) }),
                "see that the broker runs and that connection.uri names it: rabbitmq-diagnostics status"
            )
        case .blocked:
            self.find(
                "blocked",
                "the broker has blocked the connection over an alarm of its own: it reads nothing, acks included",
                "free its memory or disk: rabbitmq-diagnostics alarms"
            )
        }
        switch self.facts.outputs {
        case nil, .up?: break
        case .missing?, .blocked?:
            self.find(
                "outputs",
                "the connection for outputs is \(self.facts.outputs == .blocked ? "blocked by the broker" : "missing"): inputs wait for their outputs",
                "rabbitmq-diagnostics alarms"
            )
        }
    }

    // MARK: The job

    private mutating func lookAtState() {
        let status = self.facts.status
        let before = self.findings.count
        switch status.state {
        case .paused:
            self.find(
                "paused",
                SupervisorStatus.line("it is paused", self.facts.pauseNote),
                "millrace resume \(self.name)"
            )
        case .held:
            self.find(
                "held",
                status.hold.map { "it is \($0.text(zone: WallClock.zone()))" } ?? "it is held",
                "millrace resume \(self.name)"
            )
        case .failed(let reason):
            self.find(
                "failed",
                "it has failed: \(PlainText.line(reason))",
                "mend that, then: millrace restart \(self.name)"
            )
        case .restarting(let reason):
            self.find(
                "restarting",
                "its channel ends again and again: \(PlainText.line(reason))",
                "millrace dump \(self.name)"
            )
        case .starting:
            self.find("starting", SupervisorStatus.line("it is starting", status.reason.map { PlainText.line($0) }))
        case .drained: self.find("drained", "it has ended; its workers are gone")
        case .running: self.lookAtAbsentQueues()
        }
        guard self.findings[before...].allSatisfy(\.leavesWork) else { return }
        if status.missing > 0 {
            self.find(
                "threads-missing",
                "the system gave \(status.threads - status.missing) of \(Plural.of(status.threads, "thread"))",
                "raise the limit of processes of its user or container"
            )
        }
        if status.idle > 0 {
            self.find(
                "not-consuming",
                "\(status.idle) of \(Plural.of(status.threads, "worker")) have a connection and no consumer",
                "millrace restart \(self.name)"
            )
        }
    }

    /// The others are consumed: what is said of the work comes after it.
    private mutating func lookAtAbsentQueues() {
        let status = self.facts.status
        for queue in status.queues {
            guard let reason = status.absentQueues[queue] else { continue }
            let name = PlainText.line(queue)
            self.find(
                "queue-absent",
                "queue '\(name)' is not consumed, the job's others are: \(PlainText.line(reason))",
                "make the queue, or take it out of the file: it is looked for again and again"
            )
        }
    }

    // MARK: The work

    private mutating func lookAtWork() {
        let status = self.facts.status
        if let timeout = self.facts.timeout, status.oldestInHand > timeout {
            self.find(
                "handler-hangs",
                "a handler has had one delivery for \(StatusText.short(status.oldestInHand)), timeout \(DurationText.write(timeout))",
                "millrace dump \(self.name); kill_timeout gives such workers up"
            )
        }
        let failures = status.counts.retried + status.counts.rejected + status.counts.requeued
        let settled = status.counts.settled
        if settled >= 20, failures * 5 >= settled {
            self.find(
                "failing",
                "\(failures) of \(settled) deliveries have failed: what its handler needs may be gone",
                "millrace failed list; millrace pause \(self.name) --for 10m"
            )
        }
        guard let ready = self.facts.ready else {
            return self.find("unknown", "the broker did not say how full \(self.queue) is")
        }
        guard ready > 0 else {
            let others = self.facts.consumers.map { ", with \(Plural.of($0, "consumer"))" } ?? ""
            let text =
                status.inHand > 0
                ? "\(self.queue) has no message ready; \(status.inHand) are in hand"
                : "\(self.queue) is empty\(others): there is nothing to do"
            return self.find("nothing-to-do", text)
        }
        self.lookAtBacklog(ready)
    }

    private mutating func lookAtBacklog(_ ready: Int) {
        let status = self.facts.status
        let waiting = "\(Plural.of(ready, "message")) ready"
        if let limit = self.facts.rateLimit, let rate = self.facts.rate {
            let allowed = Double(limit.allowed) * 1e9 / Double(limit.interval.nanoseconds)
            if rate >= allowed * 0.8 {
                self.find(
                    "rate-limit",
                    "\(waiting), and rate_limit lets \(Self.number(allowed)) begin in a second",
                    "raise rate_limit of job '\(self.name)', then: millrace reload"
                )
                return
            }
        }
        if let note = status.scalingNote {
            return self.find("downstream", "\(waiting); \(PlainText.line(note))", "look at what its handler calls")
        }
        if self.lookAtPrefetch(waiting) { return }
        guard status.consuming > 0, self.facts.busy >= status.consuming else {
            let busy = "\(self.facts.busy) of \(Plural.of(status.consuming, "thread")) busy"
            if self.findings.isEmpty { self.find("works", "\(waiting), \(busy)\(self.clearing(ready))") }
            return
        }
        var text =
            "\(waiting), and \(status.consuming == 1 ? "its thread is" : "all \(status.consuming) threads are") busy"
        if let rate = self.facts.rate, rate > 0 {
            let milliseconds = Double(status.consuming) / rate * 1000
            text += ": a handler takes \(Self.number(milliseconds)) ms, \(Self.number(rate)) are done in a second"
        }
        self.find("threads", text + self.clearing(ready), "millrace scale \(self.name) \(min(status.threads * 2, 512))")
    }

    /// Threads that wait for deliveries while there are some: each gets the next one a round trip after the one before.
    private mutating func lookAtPrefetch(_ waiting: String) -> Bool {
        let status = self.facts.status
        guard let rate = self.facts.rate, rate > 0, let time = self.facts.handlerTime, status.consuming > 0,
            status.prefetched == 0, self.facts.prefetch < Self.enough
        else { return false }
        let share = rate * Double(time.nanoseconds) / 1e9 / Double(status.consuming)
        guard share < 0.5 else { return false }
        self.find(
            "prefetch",
            "\(waiting), and threads are in a handler \(Int((share * 100).rounded())) % of the time: with prefetch \(self.facts.prefetch) they wait for the next message",
            "raise prefetch of job '\(self.name)', then: millrace reload"
        )
        return true
    }

    /// A prefetch that more does not help.
    private static let enough = 50

    private func clearing(_ ready: Int) -> String {
        guard let rate = self.facts.rate, rate > 0.01 else { return "" }
        return "; without new ones it clears in \(StatusText.short(.seconds(Double(ready) / rate)))"
    }

    private static func number(_ value: Double) -> String {
        value < 10 ? "\((value * 10).rounded() / 10)" : "\(Int(min(value, 1e15).rounded()))"
    }

    // MARK: Shown

    /// Whether nothing has to be done.
    package var isFine: Bool { ["works", "nothing-to-do"].contains(self.findings.first?.cause) }

    /// Lines, the command that helps below each finding.
    package var text: String {
        self.findings.flatMap { finding in
            ["\(self.name): \(finding.text)"] + (finding.help.map { ["    \($0)"] } ?? [])
        }.joined(separator: "\n") + "\n"
    }

    /// As JSON.
    package var value: OptionValue {
        let findings = self.findings.map { finding -> OptionValue in
            var members: [OptionValue.Member] = [
                .init(key: "cause", value: .string(finding.cause)), .init(key: "text", value: .string(finding.text)),
            ]
            if let help = finding.help { members.append(.init(key: "help", value: .string(help))) }
            return .object(members)
        }
        return .object([
            .init(key: "job", value: .string(self.facts.status.name)), .init(key: "findings", value: .array(findings)),
        ])
    }

    package static func == (left: Explanation, right: Explanation) -> Bool { left.findings == right.findings }
}
