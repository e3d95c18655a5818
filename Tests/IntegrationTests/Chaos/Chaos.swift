import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// One run: a broker, the jobs, who feeds them and who counts, and the blows.
final class Chaos {
    let settings: ChaosSettings
    let jobs = ChaosJob.all
    let broker: ChaosBroker
    let record: ChaosRecord
    private let scratch: Scratch
    private let file: ChaosFile
    let supervisor: ChaosSupervisor
    private let wire: WireLink?
    var seed: Seed
    private var blows: [Blow: Int] = [:]
    private var censuses = 0
    private var threads: [WorkerThread] = []

    init(_ settings: ChaosSettings, _ seed: Seed) throws {
        self.settings = settings
        self.seed = seed
        self.scratch = try Scratch()
        self.record = ChaosRecord(jobs: self.jobs.count)
        self.file = ChaosFile(folder: self.scratch.path, settings: settings, jobs: self.jobs)
        let wire = settings.hasWire ? try WireLink(seed) : nil
        self.wire = wire
        do {
            self.broker = try ChaosBroker(
                nodes: settings.nodes,
                address: settings.hasWire ? WireLink.brokerAddress : nil
            )
        } catch {
            wire?.stop()
            throw error
        }
        do {
            self.supervisor = try ChaosSupervisor(self.file, self.broker, wire)
        } catch {
            self.broker.stop()
            wire?.stop()
            throw error
        }
    }

    /// Stops all that the run has started.
    func stop() {
        self.record.change { $0.isStopping = true }
        self.supervisor.stop()
        self.broker.stop()
        self.wire?.stop()
        for thread in self.threads { thread.join() }
    }

    // MARK: The course of a run

    func run() throws {
        let limit = self.settings.messages.map { max(1, $0 * 10 / self.jobs.reduce(0) { $0 + 10 / $1.share }) }
        let pace = limit.map { "\($0) messages of each" } ?? "\(self.settings.seconds) s"
        self.say("\(self.seed.replay), \(pace) of \(self.jobs.map(\.name)), nodes: \(self.broker.nodes)")
        try self.prepare()
        try self.supervisor.start(.plain)
        let endpoints = self.broker.endpoints
        let feeder = ChaosFeeder(jobs: self.jobs, record: self.record, endpoints: endpoints, limit: limit)
        let reader = ChaosReader(jobs: self.jobs, record: self.record, endpoints: endpoints)
        self.threads = [try feeder.start(), try reader.start()]
        #expect(self.works(since: []), "no work at the start; \(self.seed.replay)")
        try self.calm()
        let start = MonotonicClock.now()
        let end = start + UInt64(self.settings.seconds) * 1_000_000_000
        // Each at least once.
        var next = Blow.all(nodes: self.broker.nodes, hasWire: self.wire != nil).shuffled(using: &self.seed)[...]
        while !next.isEmpty || (limit == nil ? MonotonicClock.now() < end : !self.record.state.isFeedingOver) {
            // The first of each kind hits jobs at work, the others come as they come.
            let isFirst = !next.isEmpty
            let before = self.progress()
            let blow = next.popFirst() ?? self.draw()
            self.blows[blow, default: 0] += 1
            print("blow: \(blow) at \((MonotonicClock.now() - start) / 1_000_000) ms")
            fflush(nil)
            try self.strike(blow, isFirst: isFirst)
            if isFirst { #expect(self.works(since: before), "no work after \(blow); \(self.seed.replay)") }
            self.pass(.random(in: 50...1500, using: &self.seed))
        }
        self.say(self.blows.map { "\($0.key.rawValue) \($0.value)" }.sorted().joined(separator: ", "))
        self.say(self.supervisor.ways.map { "\($0.key.rawValue) \($0.value)" }.sorted().joined(separator: ", "))
        try self.finish()
    }

    func say(_ text: String) {
        print("chaos: \(text)")
        fflush(nil)
    }

    /// What takes long does not come as often as the rest.
    private func draw() -> Blow {
        let blow =
            Blow.all(nodes: self.broker.nodes, hasWire: self.wire != nil).randomElement(using: &self.seed) ?? .kill
        if self.wire != nil, Bool.random(using: &self.seed) { return .badWire }
        return blow.isSlow && Bool.random(using: &self.seed) ? .killChannels : blow
    }

    func pass(_ milliseconds: Int) {
        let never = Monitor(false)
        _ = never.wait(until: MonotonicClock.deadline(in: .milliseconds(milliseconds))) { $0 ? true : nil }
    }

    /// What others have declared, and then what the file says.
    private func prepare() throws {
        let connection = try Broker.connect(to: self.broker.endpoints[0])
        defer { connection.close() }
        let channel = try connection.openChannel()
        for job in self.jobs where job.limit == .stranger {
            let arguments: FieldTable = [
                "x-max-length": .int32(60), "x-overflow": .string("reject-publish"),
                "x-dead-letter-exchange": .string(""), "x-dead-letter-routing-key": .string(job.dead),
            ]
            _ = try channel.declareQueue(job.input, durable: true, arguments: arguments)
        }
        for job in self.jobs where job.limit == .policy {
            try self.shorten("limit-\(job.name)", "^in[.]\(job.name)$", to: 60)
        }
        let path = try self.scratch.write(
            "declare.yaml",
            self.file.text(.plain, uris: self.broker.endpoints.map { "amqp://guest:guest@127.0.0.1:\($0.port)" })
        )
        let declared = try Tool.run(self.settings.folder + "millrace", ["declare", path])
        try #require(declared.status == 0, "\(declared.errors)")
    }

    private func shorten(_ policy: String, _ pattern: String, to length: Int) throws {
        try self.broker.control(
            "set_policy",
            policy,
            pattern,
            "{\"max-length\":\(length),\"overflow\":\"reject-publish\"}",
            "--apply-to",
            "queues"
        )
    }

    // MARK: Blows

    private func strike(_ blow: Blow, isFirst: Bool) throws {
        let node = Int.random(in: 0..<self.broker.nodes, using: &self.seed)
        let long = Int.random(in: 200...(isFirst ? 900 : 6000), using: &self.seed)
        switch blow {
        case .closeConnection: try self.broker.control("close_all_connections", "chaos")
        case .resetConnection:
            // It may be connecting just now.
            let deadline = MonotonicClock.now() + 60_000_000_000
            var count = self.supervisor.cut()
            while count == 0, isFirst, MonotonicClock.now() < deadline {
                self.pass(50)
                count = self.supervisor.cut()
            }
            #expect(count > 0 || !isFirst, "nothing was cut; \(self.seed.replay)")
        case .killChannels:
            let count = Int.random(in: 1...4, using: &self.seed)
            try self.broker.failChannels(at: (0..<count).map { _ in .random(in: 0..<1000, using: &self.seed) })
        case .deleteExchange: try self.loseExchange(for: long)
        case .deleteQueue: try self.deleteQueue()
        case .shortenQueues:
            try self.shorten("chaos", "^in[.][a-z]+$", to: 5)
            self.pass(long)
            try self.broker.control("clear_policy", "chaos")
        case .limitConnections:
            try self.broker.control("set_vhost_limits", "{\"max-connections\":0}")
            try self.broker.control("close_all_connections", "chaos")
            self.pass(long)
            try self.broker.control("clear_vhost_limits")
        case .raiseAlarm: try self.broker.alarm(milliseconds: long)
        case .freezeBroker:
            try self.broker.act("pause", node: node)
            self.pass(long)
            try self.broker.act("resume", node: node)
        case .killBroker:
            try self.broker.kill(node: node)
            if self.broker.nodes > 1 { self.pass(long) }
            try self.broker.act("start", node: node)
        case .restartNode:
            try self.broker.act("stop", node: node)
            self.pass(long)
            try self.broker.act("start", node: node)
        case .isolateNode:
            try self.broker.setPartition(of: node, true)
            self.pass(long)
            try self.broker.setPartition(of: node, false)
            try self.broker.control(node: node, "await_startup")
        case .terminate, .kill:
            let status = self.supervisor.end(blow == .kill ? SIGKILL : SIGTERM)
            if blow == .terminate { #expect(status == 0 || status == 1, "\(self.seed.replay)") }
            let ways = ChaosFile.Way.allCases.filter { self.broker.tlsPort != nil || !$0.isTLS }
            try self.supervisor.start(ways.randomElement(using: &self.seed) ?? .plain)
        case .takeCensus: try self.takeCensus()
        case .scaleJob, .pauseJob, .quietAll, .drainJob, .restartJob, .reloadFile: try self.operate(blow, for: long)
        case .badWire:
            let (faults, time) = (WireWeather.allCases.randomElement(using: &self.seed) ?? .mixed).faults(&self.seed)
            print("wire: \(faults)")
            self.wire?.faults = faults
            self.pass(time)
            self.wire?.faults = Wire.Faults()
        }
    }

    /// Deletes the exchange, so that every channel that publishes to it ends, and makes it again.
    private func loseExchange(for milliseconds: Int) throws {
        let connection = try Broker.connect(to: self.broker.endpoints[0])
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.deleteExchange("billing")
        self.pass(milliseconds)
        try channel.declareExchange("billing", type: "direct", durable: true)
        for job in self.jobs { try channel.bindQueue(job.output, to: "billing", routingKey: job.output) }
    }

    /// Deletes the queue of `gone`, with what is in it, which alone may be missing then; copies that wait are not in it.
    private func deleteQueue() throws {
        guard let index = self.jobs.firstIndex(where: { $0.name == "gone" }) else { return }
        let job = self.jobs[index]
        try self.whileNothingMoves { messages in
            self.record.change { $0.jobs[index].deleted += messages[job.input] ?? 0 }
            let connection = try Broker.connect(to: self.broker.endpoints[0])
            defer { connection.close() }
            _ = try connection.openChannel().deleteQueue(job.input)
        }
    }

    // MARK: Where everything is

    /// Freezes the supervisor, waits until the broker and who counts have done all they had to, and calls `body` with
    /// the lengths of the queues.
    func whileNothingMoves(_ body: ([String: Int]) throws -> Void) throws {
        self.record.change { $0.isPaused = true }
        defer { self.record.change { $0.isPaused = false } }
        #expect(self.record.wait(seconds: 120) { $0.isFeederIdle }, "the feeder does not pause; \(self.seed.replay)")
        self.supervisor.freeze()
        defer { self.supervisor.thaw() }
        var last: [String: Int] = [:]
        for _ in 0..<60 {
            let messages = try self.broker.messages()
            let isRead = self.jobs.allSatisfy { messages[$0.output] == 0 && messages[$0.dead] == 0 }
            if isRead, messages == last { return try body(messages) }
            last = messages
        }
        Issue.record("queues do not come to rest: \(last); \(self.seed.replay)")
    }

    private func takeCensus() throws {
        try self.whileNothingMoves { messages in
            self.censuses += 1
            let jobs = self.record.state.jobs
            for (index, job) in self.jobs.enumerated() where job.evidence != .none {
                let witnessed =
                    job.evidence == .witness ? try self.witnessed(job).union(jobs[index].trimmed).count : nil
                let done = witnessed ?? jobs[index].done
                let census = ChaosCensus(
                    open: jobs[index].fed - done,
                    queued: ChaosCensus.queued(job, messages),
                    deleted: jobs[index].deleted
                )
                #expect(census.missing == 0, "\(job.name): \(census); \(self.seed.replay)")
            }
        }
    }

    /// The inputs that a witness has seen.
    private func witnessed(_ job: ChaosJob) throws -> Set<Int> {
        let text = (try? String(contentsOfFile: self.file.witness(of: job), encoding: .utf8)) ?? ""
        return Set(text.utf8.split(separator: 10).compactMap { Int(String(decoding: $0, as: UTF8.self)) })
    }

    // MARK: Progress

    /// How far each job is: what came out, or how many octets its witness wrote.
    func progress() -> [Int] {
        let jobs = self.record.state.jobs
        return self.jobs.enumerated().map { index, job in
            guard job.evidence == .witness || job.evidence == .none else { return jobs[index].done }
            let attributes = try? FileManager.default.attributesOfItem(atPath: self.file.witness(of: job))
            return (attributes?[.size] as? NSNumber)?.intValue ?? 0
        }
    }

    /// Waits until every job that is fed has done more than before.
    func works(since before: [Int]) -> Bool {
        let deadline = MonotonicClock.now() + 60_000_000_000
        let start = before.isEmpty ? self.jobs.map { _ in 0 } : before
        while !zip(self.progress(), start).allSatisfy({ $0 > $1 }) {
            let state = self.record.state
            if state.isFeedingOver { return true }
            guard MonotonicClock.now() < deadline else {
                let jobs = zip(self.jobs, zip(self.progress(), start)).filter { $1.0 <= $1.1 }.map(\.0.name)
                self.say("nothing new from \(jobs)")
                return false
            }
            self.pass(10)
        }
        return true
    }

    // MARK: The end

    /// Waits until all inputs are worked off, and counts.
    private func finish() throws {
        self.record.change { $0.isFeedingOver = true }
        #expect(self.record.wait(seconds: 120) { $0.isFeederIdle || $0.isStopping }, "\(self.seed.replay)")
        let left = try self.workOff(seconds: 120 + self.settings.seconds) { _ in true }
        #expect(left == [:], "queues are not empty; \(self.seed.replay)")
        try self.takeCensus()
        #expect(self.supervisor.end(SIGTERM) == 0, "\(self.seed.replay)")
        self.say("every message was found where it had to be, \(self.censuses) times")
        for (index, job) in self.jobs.enumerated() { try self.count(job, self.record.state.jobs[index]) }
    }

    /// Waits until nothing is in the queues that `matters` names and nothing comes out; what is left if that is not soon.
    func workOff(seconds: Int, _ matters: (String) -> Bool) throws -> [String: Int] {
        let deadline = MonotonicClock.now() + UInt64(seconds) * 1_000_000_000
        var left: [String: Int] = [:]
        var isIdle = false
        // Twice in a row, and nothing came out meanwhile: what waits comes within less.
        while MonotonicClock.now() < deadline {
            let before = self.progress()
            left = try self.broker.messages().filter { $0.value > 0 && matters($0.key) }
            let isDone = left.isEmpty && before == self.progress()
            if isIdle, isDone { break }
            isIdle = isDone
            self.pass(200)
        }
        return left
    }

    private func count(_ job: ChaosJob, _ record: ChaosRecord.Job) throws {
        let fed = record.isFed.indices.filter { record.isFed[$0] }
        let isSeen: (Int) -> Bool
        switch job.evidence {
        case .output: isSeen = { record.outputs[$0] > 0 }
        case .deadLetter: isSeen = { record.deadLetters[$0] > 0 }
        case .outputOrDeadLetter: isSeen = { record.outputs[$0] + record.deadLetters[$0] > 0 }
        case .witness, .none:
            let witnessed = try self.witnessed(job)
            isSeen = { witnessed.contains($0) }
        }
        let trimmed = record.trimmed.filter { !isSeen($0) }.count
        let lost = fed.filter { !isSeen($0) && !record.trimmed.contains($0) }
        // Which ones lay in a queue that was deleted nobody knows: no more than that may be missing.
        let deleted = min(lost.count, record.deleted)
        let withQueue = deleted > 0 ? ", \(deleted) of \(record.deleted) that were deleted with their queue" : ""
        let promise = job.evidence == .none ? " (promises nothing)" : ""
        self.say(
            "\(job.name) (\(job.type)): \(fed.count) inputs, \(lost.count - deleted) lost\(withQueue)\(promise),"
                + " \(trimmed) dead for a shorter queue,"
                + " \(record.duplicates) duplicates"
        )
        guard job.evidence != .none else { return }
        #expect(lost.count <= record.deleted, "\(job.name): lost \(lost.prefix(20)); \(self.seed.replay)")
        guard job.evidence != .deadLetter, job.evidence != .outputOrDeadLetter else { return }
        let dead = fed.filter { record.deadLetters[$0] > 0 }
        #expect(dead.count == 0, "\(job.name): nobody is to blame for \(dead.prefix(20)); \(self.seed.replay)")
    }
}
