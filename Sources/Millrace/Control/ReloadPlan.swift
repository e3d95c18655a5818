/// What a job file would change of the one that runs.
///
/// A value; its ``digest`` says whether it is the same plan still.
package struct ReloadPlan: Sendable, Equatable {
    package enum Change: Sendable, Equatable {
        case unchanged
        /// Without a change of workers: these keys.
        case inPlace([String])
        /// Each worker is replaced between two messages, because of these keys.
        case replaced([String])
        case added
        case removed
    }

    package struct Job: Sendable, Equatable {
        package let name: String
        package let change: Change
        /// What somebody should know of it.
        package var notes: [String] = []
    }

    /// The jobs, in the order of the new file, then those that are no more.
    package private(set) var jobs: [Job] = []
    /// What is beside the jobs, a line each.
    package private(set) var notes: [String] = []
    /// Overrides that end with it, a line each.
    package private(set) var fallen: [String]
    /// Of both files and of the overrides.
    package let digest: String

    /// - Parameters:
    ///   - old: What runs.
    ///   - new: What is wanted.
    ///   - overrides: What operators have changed.
    ///   - otherCode: Jobs whose handler is in a file that has changed.
    package init(
        from old: (file: JobFile, identity: FileIdentity),
        to new: (file: JobFile, identity: FileIdentity),
        overrides: Overrides,
        otherCode: Set<String>
    ) {
        var rest = overrides
        self.fallen = rest.follow(old: old.file.jobs, new: new.file.jobs)
        var hash = StableHash()
        hash.add(old.identity.digest.utf8)
        hash.add(new.identity.digest.utf8)
        hash.add(overrides.text.utf8)
        hash.add(otherCode.sorted().joined(separator: "\n").utf8)
        self.digest = hash.digits
        let before = Dictionary(old.file.jobs.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for job in new.file.jobs {
            self.jobs.append(
                before[job.name].map { self.compare($0, job, isOtherCode: otherCode.contains(job.name)) }
                    ?? Job(name: job.name, change: .added)
            )
        }
        let after = Set(new.file.jobs.map(\.name))
        for job in old.file.jobs where !after.contains(job.name) {
            let notes = Self.notesOfLeft(job.queues, in: new.file)
            self.jobs.append(Job(name: job.name, change: .removed, notes: notes))
        }
        self.noteTheRest(old.file, new.file)
    }

    /// Whether anything at all is otherwise.
    package var isEmpty: Bool {
        self.notes.isEmpty && self.fallen.isEmpty && self.jobs.allSatisfy { $0.change == .unchanged }
    }

    /// Queues that somebody consumed, and nobody does any more.
    private static func notesOfLeft(_ queues: [String], in file: JobFile) -> [String] {
        queues.filter { queue in !file.jobs.contains { $0.queues.contains(queue) } }.map { queue in
            "queue '\(queue)' is consumed no more, and stays; what waits for it comes home while this process runs"
        }
    }

    private func compare(_ old: JobDefinition, _ new: JobDefinition, isOtherCode: Bool) -> Job {
        var keys: [String] = []
        func look<Value: Equatable>(_ key: String, _ path: KeyPath<JobDefinition, Value>) {
            if old[keyPath: path] != new[keyPath: path] { keys.append(key) }
        }
        look(old.furtherQueues.isEmpty && new.furtherQueues.isEmpty ? "queue" : "queues", \.queues)
        look("handler", \.handler)
        look("with", \.with)
        look("prefetch", \.prefetch)
        look("ack", \.ack)
        look("on_failure", \.onFailure)
        look("retry", \.retry)
        look("tasks_per_thread", \.tasksPerThread)
        look("batch", \.batch)
        look("rate_limit", \.rateLimit)
        look("circuit", \.circuit)
        look("timeout", \.timeout)
        look("kill_timeout", \.killTimeout)
        look("exclusive", \.exclusive)
        look("consumer_priority", \.consumerPriority)
        look("consumer_arguments", \.consumerArguments)
        look("missing_queue", \.missingQueue)
        look("publish", \.publish)
        if isOtherCode { keys.append("the plugin's file") }
        if !keys.isEmpty {
            var job = Job(name: new.name, change: .replaced(keys))
            if old.furtherQueues.isEmpty, new.furtherQueues.isEmpty {
                if old.queue != new.queue {
                    job.notes.append("it leaves queue '\(old.queue)', which stays, for '\(new.queue)'")
                }
            } else {
                for queue in new.queues where !old.queues.contains(queue) {
                    job.notes.append("it consumes queue '\(queue)' too")
                }
                for queue in old.queues where !new.queues.contains(queue) {
                    job.notes.append("it leaves queue '\(queue)', which stays")
                }
            }
            return job
        }
        look("threads", \.threads)
        look("threads", \.scaling)
        look("paused", \.isPaused)
        var known: Set<String> = []
        keys = keys.filter { known.insert($0).inserted }
        return Job(name: new.name, change: keys.isEmpty ? .unchanged : .inPlace(keys))
    }

    private mutating func noteTheRest(_ old: JobFile, _ new: JobFile) {
        self.compareNames("exchange", old.exchanges.map(\.anywhere), new.exchanges.map(\.anywhere))
        self.compareNames("queue", old.queues.map(\.anywhere), new.queues.map(\.anywhere))
        if old.shutdownTimeout != new.shutdownTimeout { self.notes.append("shutdown_timeout: from now on") }
        if old.killTimeout != new.killTimeout { self.notes.append("kill_timeout: from now on") }
        let isOtherWay = old.connection.publishing != new.connection.publishing
        if isOtherWay { self.notes.append("connection.publishing: at the next start") }
        var connection = old.connection
        connection.publishing = new.connection.publishing
        connection.location = new.connection.location
        if old.connection.embedded != new.connection.embedded {
            self.notes.append(
                "connection: a reload refuses this: the embedded broker comes, goes and changes with the process alone"
            )
        } else if connection != new.connection {
            self.notes.append("connection: with the next connection; the one that is up stays")
        }
        if old.crashLedger != new.crashLedger { self.notes.append("crash_ledger: at the next start") }
        if old.schedules.map(\.anywhere) != new.schedules.map(\.anywhere) {
            self.notes.append("schedules: at the next start")
        }
        if old.control != new.control { self.notes.append("control: at the next start") }
        if old.admin != new.admin { self.notes.append("admin: at the next start") }
    }

    private mutating func compareNames<Value: Equatable>(
        _ kind: String,
        _ old: [(name: String, value: Value)],
        _ new: [(name: String, value: Value)]
    ) {
        let before = Dictionary(old.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        let after = Set(new.map(\.name))
        for (name, value) in new {
            if let was = before[name] {
                if was != value {
                    self.notes.append("\(kind) '\(name)' is written otherwise: what is there stays as it is")
                }
            } else {
                self.notes.append("\(kind) '\(name)' is declared")
            }
        }
        for (name, _) in old where !after.contains(name) {
            self.notes.append("\(kind) '\(name)' is declared no more, and stays where it is")
        }
    }
}

/// What stands elsewhere in its file is the same.
private let nowhere = SourceLocation(file: "", line: 0, column: 0)

extension ExchangeDefinition {
    fileprivate var anywhere: (name: String, value: ExchangeDefinition) {
        var exchange = self
        exchange.location = nowhere
        for index in exchange.bindings.indices { exchange.bindings[index].location = nowhere }
        return (self.name, exchange)
    }
}

extension QueueDefinition {
    fileprivate var anywhere: (name: String, value: QueueDefinition) {
        var queue = self
        queue.location = nowhere
        for index in queue.bindings.indices { queue.bindings[index].location = nowhere }
        queue.deadLetter?.location = nowhere
        return (self.name, queue)
    }
}

extension ScheduleDefinition {
    fileprivate var anywhere: ScheduleDefinition {
        var schedule = self
        schedule.location = nowhere
        return schedule
    }
}
