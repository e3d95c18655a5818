/// What one supervisor of a fleet says of itself: its status in short, without the text of any error.
package struct FleetAnswer: Sendable, Equatable {
    package struct Job: Sendable, Equatable {
        package var name: String
        package var queue: String
        package var state: String
        package var threads: Int
        package var consuming: Int
        package var inHand: Int
        package var perSecond: Double?
        /// Of a job with several queues: how many of its threads consume each.
        package var consumers: [String: Int]

        package init(
            name: String,
            queue: String,
            state: String,
            threads: Int,
            consuming: Int,
            inHand: Int,
            perSecond: Double?,
            consumers: [String: Int] = [:]
        ) {
            self.name = name
            self.queue = queue
            self.state = state
            self.threads = threads
            self.consuming = consuming
            self.inHand = inHand
            self.perSecond = perSecond
            self.consumers = consumers
        }

        /// All that it consumes.
        var queues: [String] { self.consumers.isEmpty ? [self.queue] : self.consumers.keys.sorted() }

        /// How many of its threads consume a queue.
        func consuming(_ queue: String) -> Int {
            self.consumers.isEmpty ? (queue == self.queue ? self.consuming : 0) : self.consumers[queue] ?? 0
        }
    }

    /// Of this run of this supervisor, and of no other.
    package var id: String
    package var host: String
    package var processID: Int
    /// The broker's address that it is connected to.
    package var node: String
    package var build: String
    package var file: String
    package var digest: String
    package var started: Int64
    package var isReady: Bool
    package var isDraining: Bool
    package var jobs: [Job]

    static let version: Int64 = 1

    /// As JSON.
    package var value: OptionValue {
        let jobs = self.jobs.map { job in
            var members: [OptionValue.Member] = [
                .init(key: "name", value: .string(job.name)), .init(key: "queue", value: .string(job.queue)),
                .init(key: "state", value: .string(job.state)), .init(key: "threads", value: .int(Int64(job.threads))),
                .init(key: "consuming", value: .int(Int64(job.consuming))),
                .init(key: "in_hand", value: .int(Int64(job.inHand))),
            ]
            if let rate = job.perSecond { members.append(.init(key: "per_second", value: .double(rate))) }
            if !job.consumers.isEmpty {
                let consumers = job.consumers.sorted { $0.key < $1.key }.map { queue, count in
                    OptionValue.Member(key: queue, value: .int(Int64(count)))
                }
                members.append(.init(key: "consumers", value: .object(consumers)))
            }
            return OptionValue.object(members)
        }
        return .object([
            .init(key: "millrace_fleet", value: .int(Self.version)), .init(key: "id", value: .string(self.id)),
            .init(key: "host", value: .string(self.host)), .init(key: "pid", value: .int(Int64(self.processID))),
            .init(key: "node", value: .string(self.node)), .init(key: "build", value: .string(self.build)),
            .init(key: "file", value: .string(self.file)), .init(key: "digest", value: .string(self.digest)),
            .init(key: "started", value: .int(self.started)), .init(key: "ready", value: .bool(self.isReady)),
            .init(key: "draining", value: .bool(self.isDraining)), .init(key: "jobs", value: .array(jobs)),
        ])
    }

    package init(
        id: String,
        host: String,
        processID: Int,
        node: String,
        build: String,
        file: String,
        digest: String,
        started: Int64,
        isReady: Bool,
        isDraining: Bool,
        jobs: [Job]
    ) {
        self.id = id
        self.host = host
        self.processID = processID
        self.node = node
        self.build = build
        self.file = file
        self.digest = digest
        self.started = started
        self.isReady = isReady
        self.isDraining = isDraining
        self.jobs = jobs
    }

    /// Reads what ``value`` wrote, in this version or in one with more in it.
    ///
    /// - Returns: Nil if it is something else.
    package init?(_ value: OptionValue) {
        guard case .object(let members) = value, members["millrace_fleet"] == .int(Self.version),
            let id = members.text("id"), let host = members.text("host"), let processID = members.number("pid"),
            let node = members.text("node"), let build = members.text("build"), let file = members.text("file"),
            let digest = members.text("digest"), let started = members.number("started"),
            let isReady = members.flag("ready"), let isDraining = members.flag("draining"),
            case .array(let jobs)? = members["jobs"]
        else { return nil }
        self.init(
            id: id,
            host: host,
            processID: Int(clamping: processID),
            node: node,
            build: build,
            file: file,
            digest: digest,
            started: started,
            isReady: isReady,
            isDraining: isDraining,
            jobs: jobs.compactMap(Self.job)
        )
    }

    private static func job(_ value: OptionValue) -> Job? {
        guard case .object(let members) = value, let name = members.text("name"), let queue = members.text("queue"),
            let state = members.text("state"), let threads = members.number("threads"),
            let consuming = members.number("consuming"), let inHand = members.number("in_hand")
        else { return nil }
        func count(_ number: Int64) -> Int { Int(min(max(number, 0), 1_000_000_000)) }
        var rate: Double?
        if case .double(let number)? = members["per_second"], number.isFinite { rate = min(max(number, 0), 1e12) }
        if case .int(let number)? = members["per_second"] { rate = Double(count(number)) }
        var consumers: [String: Int] = [:]
        if case .object(let queues)? = members["consumers"] {
            for queue in queues.prefix(1000) {
                if case .int(let number) = queue.value { consumers[queue.key] = count(number) }
            }
        }
        return Job(
            name: name,
            queue: queue,
            state: state,
            threads: count(threads),
            consuming: count(consuming),
            inHand: count(inHand),
            perSecond: rate,
            consumers: consumers
        )
    }
}

extension [OptionValue.Member] {
    fileprivate func text(_ key: String) -> String? { if case .string(let text)? = self[key] { text } else { nil } }
    fileprivate func number(_ key: String) -> Int64? { if case .int(let number)? = self[key] { number } else { nil } }
    fileprivate func flag(_ key: String) -> Bool? { if case .bool(let flag)? = self[key] { flag } else { nil } }
}

extension StatusDocument {
    /// The same in short, for who asks over the broker.
    ///
    /// - Parameters:
    ///   - id: Of this run.
    ///   - node: The broker's address.
    /// - Returns: Its answer.
    package func fleetAnswer(id: String, node: String) -> FleetAnswer {
        FleetAnswer(
            id: id,
            host: self.host,
            processID: Int(self.processID),
            node: node,
            build: self.build,
            file: self.identity.path,
            digest: self.identity.digest,
            started: self.startedAt,
            isReady: self.status.readiness.isReady,
            isDraining: self.status.isDraining,
            jobs: self.status.jobs.map { job in
                FleetAnswer.Job(
                    name: job.name,
                    queue: job.queue,
                    state: "\(job.state)",
                    threads: job.threads,
                    consuming: job.consuming,
                    inHand: job.inHand,
                    perSecond: self.rates[job.name],
                    consumers: job.consumersOfQueues
                )
            }
        )
    }
}
