import AMQPClient
import AMQPWire
import Millrace
import MillraceClient
import MillraceHandler
import NIOPosix
import TestSupport
import Testing

/// Jobs that tasks enqueue, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct JobClientTests {
    private static var options: JobClientOptions {
        JobClientOptions(
            recovery: RecoverySettings(initialInterval: .milliseconds(5), maxInterval: .milliseconds(50)),
            publishing: PublisherOptions(maxInFlight: 64, timeout: Patience.long),
            shutdownTimeout: Patience.long
        )
    }

    /// A client at work while `body` runs.
    private func withClient(_ endpoint: Endpoint, _ body: (JobClient) throws -> Void) throws {
        let client = JobClient(to: [endpoint], options: Self.options, logger: Broker.quiet)
        let service = StartedTask { try await client.run() }
        let result = Result { try body(client) }
        service.cancel()
        try service.result()
        try result.get()
    }

    private func withQueue(arguments: FieldTable = [:], _ body: (String, Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        let queue = try channel.declareQueue(Broker.unique("enqueued"), arguments: arguments).name
        try body(queue, channel)
        try channel.deleteQueue(queue)
    }

    /// What calls said: how often each message was sent.
    private final class Told: Sendable {
        let sendings = Monitor<[String: Int]>([:])
        var count: Int { self.sendings.withLock { $0.count } }
        func note(_ receipt: PublishReceipt) { self.sendings.withLock { $0[receipt.messageID] = receipt.sendings } }
    }

    /// Cuts again and again until so many calls have returned.
    private static func cut(_ proxy: CuttingProxy, until count: Int, _ told: Told) -> Int {
        var cuts = 0
        while told.count < count {
            let next = min(told.count + 200, count)
            cuts += proxy.cut()
            guard Patience.sees({ told.count >= next }) else { return cuts }
        }
        return cuts
    }

    private static func start(_ task: Int, _ client: JobClient, _ queue: String, _ told: Told) -> StartedTask<Void> {
        StartedTask(inPool: true) {
            for job in 0..<100 {
                told.note(try await client.enqueue(octets: Array("\(task)/\(job)".utf8), to: queue))
            }
        }
    }

    @Test func `10,000 jobs of 100 tasks, cut again and again: all are there, none more often than its call says`()
        throws
    {
        let proxy = try CuttingProxy(to: try Broker.endpoint())
        defer { proxy.stop() }
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        let queue = try channel.declareQueue(Broker.unique("enqueued")).name
        let told = Told()
        let cuts = try Self.enqueueAndCut(proxy, queue, told)
        let sendings = told.sendings.withLock { $0 }
        #expect(sendings.count == 10_000)
        #expect(sendings.values.contains { $0 > 1 }, "no cut met a message")
        let found = try Self.takeAll(queue, channel)
        #expect(Set(found.map(\.body)).count == 10_000)
        let counts = found.reduce(into: [String: Int]()) { $0[$1.id, default: 0] += 1 }
        #expect(Set(counts.keys) == Set(sendings.keys))
        #expect(counts.allSatisfy { $0.value <= sendings[$0.key] ?? 0 }, "more often there than was said")
        // The first of two is as it was, and says nothing.
        let unmarked = found.filter { !$0.isMarked }.reduce(into: [String: Int]()) { $0[$1.id, default: 0] += 1 }
        #expect(unmarked.allSatisfy { $0.value == 1 }, "one that was published again does not say so")
        try channel.deleteQueue(queue)
        print("\(cuts) cuts, \(found.count - 10_000) of 10000 there twice")
    }

    private static func enqueueAndCut(_ proxy: CuttingProxy, _ queue: String, _ told: Told) throws -> Int {
        let client = JobClient(to: [proxy.endpoint], options: Self.options, logger: Broker.quiet)
        let service = StartedTask { try await client.run() }
        let calls = (0..<100).map { Self.start($0, client, queue, told) }
        let cuts = Self.cut(proxy, until: 10_000, told)
        for call in calls { try call.result() }
        service.cancel()
        try service.result()
        return cuts
    }

    private struct Found: Sendable {
        let id: String
        let body: [UInt8]
        /// Whether it says that it was published before.
        let isMarked: Bool
    }

    private static func takeAll(_ queue: String, _ channel: Channel) throws -> [Found] {
        var found: [Found] = []
        while let delivery = try channel.get(queue, noAck: true) {
            let properties = try delivery.properties
            let isMarked = properties.headers?[AsyncPublisher.republishedHeader] != nil
            found.append(Found(id: properties.messageID ?? "", body: delivery.body, isMarked: isMarked))
        }
        return found
    }

    @Test func `no queue of that name, a full queue and a missing exchange are errors of their own`() throws {
        let limits: FieldTable = ["x-max-length": 1, "x-overflow": "reject-publish"]
        try self.withQueue(arguments: limits) { queue, _ in
            try self.withClient(try Broker.endpoint()) { client in
                func failure(_ queue: String, _ delay: Delay = .none) throws -> PublishFailure? {
                    try StartedTask { try await client.enqueue(octets: [1], to: queue, delay: delay) }.failure()
                        as? PublishFailure
                }
                let missing = try failure(Broker.unique("missing"))
                #expect(missing?.reason == .unroutable && missing?.fate == .notPublished)
                // No supervisor has ever worked on it.
                #expect(try failure(queue, .minutes(5))?.reason == .unroutable)
                #expect(try failure(queue) == nil)
                #expect(try failure(queue)?.reason == .refused)
            }
        }
    }

    private struct Note: Codable, Sendable { let output: String }

    /// Says when it was given a message, and which attempt it is.
    private struct Noting: SyncTypedJobHandler {
        init(_ options: HandlerOptions) throws {}
        func handle(_ payload: Note, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            let text = "\(MonotonicClock.now()) \(message.attempt) \(message.routingKey) \(message.messageID ?? "")"
            try context.publish(Array(text.utf8), routingKey: payload.output)
            return .ack
        }
    }
    private static let plugin = MillracePlugin(name: "noting", [.sync("noting.job", Noting.self)])

    private static func isThere(_ queue: String, on connection: Connection) -> Bool {
        do {
            let channel = try connection.openChannel()
            defer { channel.close() }
            _ = try channel.declareQueue(queue, passive: true)
            return true
        } catch {
            return false
        }
    }

    @Test func `a delayed job comes when its wait is over, as if it had been published then`() throws {
        let queue = Broker.unique("delayed")
        let file = try JobFile.parse(
            bytes: Array(
                """
                version: 1
                connection: { uri: "\(Broker.uri ?? "")" }
                queues: { "\(queue)": {}, "\(queue).out": {} }
                jobs: { delayed: { queue: "\(queue)", handler: noting.job } }
                """
                .utf8
            ),
            file: "jobs.yaml",
            environment: [:]
        )
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        let supervisor = try TestSupervisor(file, [Self.plugin.descriptor])
        try supervisor.whileRunning {
            #expect(Patience.sees { Self.isThere(queue + ".delay.1s", on: connection) })
            try self.withClient(try Broker.endpoint()) { client in
                let begin = MonotonicClock.now()
                let note = Note(output: queue + ".out")
                let call = StartedTask {
                    try await client.enqueue(note, to: queue, delay: .milliseconds(1200), timeout: Patience.long)
                }
                let id = try call.result().messageID
                #expect(supervisor.wait { $0.counts.acked == 1 })
                let output = try #require(try channel.get(queue + ".out", noAck: true))
                let words = String(decoding: output.body, as: UTF8.self).split(separator: " ").map(String.init)
                #expect(UInt64(words[0]) ?? 0 >= begin + 1_190_000_000, "too early")
                #expect(Array(words[1...]) == ["1", queue, id])
            }
        }
        let delays = DelayQueue(home: queue, type: nil, ladder: .standard)
        for name in [queue, queue + ".out"] + delays.names { try channel.deleteQueue(name) }
    }
}
