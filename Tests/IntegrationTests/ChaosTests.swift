import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// The built `millrace` over jobs in all three publish modes, and an async one on a quorum queue, while broker,
/// connections, channels, exchange and the supervisor itself are killed at random.
///
/// `MILLRACE_CHAOS_SECONDS` says for how long and `MILLRACE_CHAOS_BUILD` of which build (`ops/chaos`), `MILLRACE_SEED`
/// repeats the choices.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && ExampleFile.isBuilt, "needs AMQP_URL and a debug build; ops/test has both"),
    .timeLimit(.minutes(1440))
)
struct ChaosTests {
    enum Blow: String, CaseIterable {
        case closeConnection, resetConnection, killChannels, deleteExchange, terminate, kill, killBroker
    }

    private struct Job {
        let name: String
        let publish: String
        var handler = "bench.witness"
        var type = "classic"
        var tasks = 1
        var losesNoOutput = true
    }

    private static let jobs = [
        Job(name: "confirm", publish: "{ mode: confirm }"),
        Job(name: "tx", publish: "{ mode: tx, batch: { size: 20, timeout: 5ms } }"),
        Job(name: "none", publish: "{ mode: none }", losesNoOutput: false),
        Job(
            name: "async",
            publish: "{ mode: confirm, batch: { size: 10, timeout: 5ms } }",
            handler: "bench.witness_async",
            type: "quorum",
            tasks: 8
        ),
    ]
    private static let seconds =
        ProcessInfo.processInfo.environment["MILLRACE_CHAOS_SECONDS"].flatMap(Int.init) ?? 15
    private static let build =
        Tool.root + ".build/\(ProcessInfo.processInfo.environment["MILLRACE_CHAOS_BUILD"] ?? "debug")/"
    /// Messages per second and job; a job begins no more than that, so that there is work at every blow.
    private static let rate = 250
    /// Of each job.
    private static let messages = max(4000, Self.seconds * Self.rate)

    private let folder: Scratch
    private let file: String

    init() throws {
        self.folder = try Scratch()
        var text = """
            version: 1
            connection:
              uri: ${AMQP_URL}
              recovery: { initial_interval: 50ms, max_interval: 500ms }
            plugins: ["\(Self.build)libExamples.so"]
            shutdown_timeout: 60s
            defaults:
              threads: 2
              prefetch: 40
              rate_limit: { allowed: \(Self.rate), interval: 1s }
              retry: { max_attempts: 1000, initial_interval: 200ms, multiplier: 1 }
            exchanges:
              billing: { type: direct }

            """
        text += "queues:\n"
        for job in Self.jobs {
            // Every kill counts for what is prefetched, and from RabbitMQ 4.0 on twenty are too many unless said.
            let limit = job.type == "quorum" ? ", delivery_limit: 100000" : ""
            text += "  in.\(job.name): { type: \(job.type)\(limit) }\n"
            text += "  out.\(job.name): { bindings: [ { exchange: billing, routing_key: \(job.name) } ] }\n"
        }
        text += "jobs:\n"
        for job in Self.jobs {
            let witness = self.folder.path + "/" + job.name
            text += """
                  \(job.name):
                    queue: in.\(job.name)
                    handler: \(job.handler)
                    tasks_per_thread: \(job.tasks)
                    publish: \(job.publish)
                    with: { exchange: billing, routing_key: \(job.name), witness: "\(witness)" }

                """
        }
        self.file = try self.folder.write("jobs.yaml", text)
    }

    @Test func `random kills of everything: no input lost, no output of an acked input lost`() throws {
        var seed = Seed()
        print(
            "chaos: \(seed.replay), \(Self.seconds) s, \(Self.messages) messages for each of \(Self.jobs.map(\.name))"
        )
        let broker = try ChaosBroker(folder: self.folder.path + "/broker")
        defer { broker.stop() }
        let proxy = try CuttingProxy(to: broker.endpoint)
        defer { proxy.stop() }
        try self.publishAll(broker)
        var process = try self.start(proxy)
        let end = MonotonicClock.now() + UInt64(Self.seconds) * 1_000_000_000
        var blows: [Blow: Int] = [:]
        var next = Blow.allCases.shuffled(using: &seed)[...]  // each at least once
        var before = self.begun()
        while !next.isEmpty || MonotonicClock.now() < end {
            // The first of each kind hits jobs at work, the others come as they come.
            let isFirst = !next.isEmpty
            if isFirst { #expect(self.works(since: before), "no work after \(blows); \(seed.replay)") }
            before = self.begun()
            let blow = next.popFirst() ?? Self.draw(&seed)
            blows[blow, default: 0] += 1
            switch blow {
            case .closeConnection: try broker.control("close_all_connections", "chaos")
            case .resetConnection: #expect(proxy.cut() > 0 || !isFirst, "nothing was cut; \(seed.replay)")
            case .killChannels:
                let count = Int.random(in: 1...4, using: &seed)
                let places = (0..<count).map { _ in Int.random(in: 0..<1000, using: &seed) }
                #expect(try broker.failChannels(at: places) > 0 || !isFirst, "no channel failed; \(seed.replay)")
            case .deleteExchange: try self.loseExchange(broker, for: .random(in: 10...400, using: &seed))
            case .terminate, .kill:
                process.send(blow == .kill ? SIGKILL : SIGTERM)
                let status = process.waitForExit()
                if blow == .terminate { #expect(status == 0 || status == 1, "\(seed.replay)") }
                process = try self.start(proxy)
            case .killBroker: try broker.restart()
            }
            Self.pass(.random(in: 50...1500, using: &seed))
        }
        print("chaos: \(blows.map { "\($0.key.rawValue) \($0.value)" }.sorted().joined(separator: ", "))")
        #expect(blows.count == Blow.allCases.count, "not every kind of blow; \(seed.replay)")
        try self.loseExchange(broker, for: 0)
        try self.expectAll(broker, seed)
        process.send(SIGTERM)
        #expect(process.waitForExit() == 0, "\(seed.replay)")
    }

    /// The broker takes long to come back, so it is not killed as often as the rest.
    private static func draw(_ seed: inout Seed) -> Blow {
        let blow = Blow.allCases.randomElement(using: &seed) ?? .kill
        return blow == .killBroker && Bool.random(using: &seed) ? .killChannels : blow
    }

    private static func isInput(_ queue: String) -> Bool { queue.hasPrefix("in.") && !queue.hasSuffix(".dead") }

    /// Lets the jobs work for a while.
    private static func pass(_ milliseconds: Int) {
        let never = Monitor(false)
        _ = never.wait(until: MonotonicClock.deadline(in: .milliseconds(milliseconds))) { $0 ? true : nil }
    }

    /// How many octets each job's witness has written.
    private func begun() -> [Int] {
        Self.jobs.map { job in
            let attributes = try? FileManager.default.attributesOfItem(atPath: self.witness(of: job))
            return (attributes?[.size] as? NSNumber)?.intValue ?? 0
        }
    }

    /// Waits until each job that may have work left has begun more of it.
    private func works(since before: [Int]) -> Bool {
        let whole = (0..<Self.messages).reduce(0) { $0 + "\($1)\n".utf8.count }
        let deadline = MonotonicClock.now() + 60_000_000_000
        while !zip(self.begun(), before).allSatisfy({ now, then in now > then || then >= whole }) {
            guard MonotonicClock.now() < deadline else { return false }
            Self.pass(10)
        }
        return true
    }

    private func witness(of job: Job) -> String { self.folder.path + "/" + job.name }

    private func start(_ proxy: CuttingProxy) throws -> Child {
        try Tool.start(
            Self.build + "millrace",
            ["run", self.file, "--log-level", "critical"],
            environment: ["AMQP_URL": "amqp://guest:guest@127.0.0.1:\(proxy.endpoint.port)"]
        )
    }

    private func publishAll(_ broker: ChaosBroker) throws {
        let declared = try Tool.run(
            Self.build + "millrace",
            ["declare", self.file],
            environment: ["AMQP_URL": broker.uri]
        )
        try #require(declared.status == 0, "\(declared.errors)")
        let connection = try Broker.connect(to: broker.endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.deliveryMode = 2
        for number in 0..<Self.messages {
            for job in Self.jobs {
                try channel.publish(Array("\(number)".utf8), routingKey: "in.\(job.name)", properties: properties)
            }
        }
        #expect(try channel.awaitConfirms(timeout: .seconds(120)) == [])
    }

    /// Deletes the exchange, so that every channel that publishes to it ends, and makes it again.
    private func loseExchange(_ broker: ChaosBroker, for milliseconds: Int) throws {
        let connection = try Broker.connect(to: broker.endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.deleteExchange("billing")
        Self.pass(milliseconds)
        try channel.declareExchange("billing", type: "direct", durable: true)
        for job in Self.jobs { try channel.bindQueue("out.\(job.name)", to: "billing", routingKey: job.name) }
    }

    /// Waits until the inputs are worked off, and counts what came out.
    private func expectAll(_ broker: ChaosBroker, _ seed: Seed) throws {
        let connection = try Broker.connect(to: broker.endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        var all: [String: [String: Int]] = [:]
        for job in Self.jobs { try channel.consume("out.\(job.name)", tag: job.name) }
        let deadline = MonotonicClock.now() + UInt64(60 + Self.seconds * 4) * 1_000_000_000
        var waiting = try broker.messages()
        var isIdle = false
        // Quiet for a second and nothing left to do, twice in a row: what waits for a retry comes within less.
        while MonotonicClock.now() < deadline {
            if let delivery = try channel.nextDelivery(timeout: .seconds(1)) {
                let id = try #require(try delivery.properties.correlationID)
                all[try delivery.envelope.routingKey, default: [:]][id, default: 0] += 1
                try channel.ack(delivery)
                isIdle = false
            } else {
                waiting = try broker.messages()
                let isDone = waiting.allSatisfy { name, count in count == 0 || !Self.isInput(name) }
                if isIdle, isDone { break }
                isIdle = isDone
            }
        }
        for job in Self.jobs {
            let name = job.name
            let outputs = all[name] ?? [:]
            let own = waiting.filter { $0.key == "in.\(name)" || $0.key.hasPrefix("in.\(name).delay.") }
            let left = own.values.reduce(0, +)
            let dead = waiting["in.\(name).dead"] ?? 0
            // An input whose handler never ran is lost, whatever its queue says.
            let handled = try String(contentsOfFile: self.witness(of: job), encoding: .utf8).split(separator: "\n")
            let seen = Set(handled.map(String.init))
            let inputs = (0..<Self.messages).map(String.init)
            let inputsLost = inputs.filter { !seen.contains($0) }.count
            let outputsLost = inputs.filter { outputs[$0] == nil }.count
            let made = outputs.values.reduce(0, +)
            let duplicates = made - outputs.count
            print(
                "chaos: \(name): \(Self.messages) inputs, \(inputsLost) inputs lost, \(outputsLost) outputs lost,"
                    + " \(duplicates) duplicates, \(handled.count) handled"
            )
            #expect(left == 0, "\(name): inputs stay in their queue; \(seed.replay)")
            #expect(dead == 0, "\(name): nobody is to blame; \(seed.replay)")
            #expect(inputsLost == 0, "\(name): inputs lost; \(seed.replay)")
            #expect(made <= handled.count, "\(name): outputs of no handler; \(seed.replay)")
            // `none` promises nothing of its outputs.
            if job.losesNoOutput { #expect(outputsLost == 0, "\(name): outputs lost; \(seed.replay)") }
        }
    }
}
