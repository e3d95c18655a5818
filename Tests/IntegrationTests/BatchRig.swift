import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// A queue, a job with a ``ScriptedBatchHandler``, and what it noted.
struct BatchRig {
    static let plugin = MillracePlugin(name: "tests", [.batch("tests.batches", ScriptedBatchHandler.self)])

    let input = Broker.unique("batch")
    var output: String { self.input + ".out" }
    var dead: String { self.input + ".dead" }

    var batches: [[String]] { ScriptedBatchHandler.batches(self.input) }
    var sizes: [Int] { self.batches.map(\.count) }

    func jobFile(
        _ job: String,
        queue: String = "classic",
        uri: String? = nil,
        more: String = "",
        handler: String = "tests.batches"
    )
        throws -> JobFile
    {
        let text = """
            version: 1
            connection:
              uri: "\(uri ?? Broker.uri ?? "")"
              recovery: { initial_interval: 10ms, max_interval: 50ms }
            \(more)
            queues:
              \(self.input): { type: \(queue) }
              \(self.output): {}
            jobs:
              work:
                queue: \(self.input)
                handler: \(handler)
            \(job.contains("on_failure") ? "" : "    retry: { max_attempts: 2, initial_interval: 20ms, jitter: 0 }")
            \(job)

            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        return file
    }

    var with: String { "    with: { key: \"\(self.input)\", output: \"\(self.output)\" }\n" }
    var withoutOutput: String { "    with: { key: \"\(self.input)\" }\n" }

    func publish(_ bodies: [String]) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for body in bodies { try channel.publish(Array(body.utf8), routingKey: self.input) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    /// Publishes, runs until everything is worked off, and gives the counts.
    func run(_ bodies: [String], _ job: String, queue: String = "classic") throws -> JobCounts {
        let file = try self.jobFile(job, queue: queue)
        try self.publish(bodies)
        let supervisor = try TestSupervisor(file, [Self.plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        #expect(supervisor.counts.settled == supervisor.counts.received)
        return supervisor.counts
    }

    /// Everything in a queue, in its order.
    func take(_ queue: String) throws -> [String] {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        var all: [String] = []
        while let delivery = try channel.get(queue, noAck: true) {
            all.append(String(decoding: delivery.body, as: UTF8.self))
        }
        return all
    }

    /// Waits until the broker has given out all that is in the queue.
    func waitUntilGivenOut() throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        let deadline = MonotonicClock.now() + 30_000_000_000
        while try channel.declareQueue(self.input, passive: true).messageCount > 0 {
            let isInTime = MonotonicClock.now() < deadline
            try #require(isInTime, "the broker keeps some back")
        }
    }

    func remove() throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for queue in [self.input, self.output, self.dead] + delayQueues(of: self.input) {
            try channel.deleteQueue(queue)
        }
    }
}
