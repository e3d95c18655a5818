import AMQPClient
import AMQPWire
import Foundation
import Millrace
import TestSupport
import Testing

/// `millrace delays` as a user runs it.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && Tool.isBuilt, "needs AMQP_URL and a release build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct DelaysCommandTests {
    private let home = Broker.unique("delays")

    private func delays(_ words: String...) throws -> Tool.Result {
        try Tool.run(Tool.millrace, ["delays"] + words, environment: ["AMQP_URL": Broker.uri ?? ""])
    }

    /// The job's queue and its delay queues, with so many messages in each of these stages.
    private func withQueues(
        _ type: QueueDefinition.QueueType?,
        waiting: [Int: Int] = [:],
        _ body: (Channel) throws -> Void
    ) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        _ = try channel.declareQueue(self.home)
        let queue = DelayQueue(home: self.home, type: type, ladder: .standard)
        for stage in DelayLadder.standard.stages.indices {
            try queue.declare(stage, on: channel)
            for number in 0..<(waiting[stage] ?? 0) {
                var properties = BasicProperties(deliveryMode: 2, messageID: "\(stage).\(number)")
                properties.headers = ["own": "x", JobHeaders.attempt: 2]
                var headers = properties.headers ?? [:]
                DelayNote(wait: 3_600_000, stage: 256_000, now: 0).write(to: &headers)
                properties.headers = headers
                properties.userID = try Broker.endpoint().user
                try channel.publish([1, 2], routingKey: queue.name(stage), properties: properties)
            }
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        try body(channel)
        let other = try connection.openChannel()
        for name in queue.names + [self.home] { try other.deleteQueue(name) }
    }

    private func isThere(_ queue: String, _ connection: Connection) throws -> Bool {
        let channel = try connection.openChannel()
        defer { channel.close() }
        do throws(AMQPError) {
            _ = try channel.declareQueue(queue, passive: true)
            return true
        } catch {
            #expect(error.code == AMQPError.Code(.notFound))
            return false
        }
    }

    private func names(_ result: Tool.Result, _ key: String) -> [String] {
        result.output.split(separator: "\n").compactMap { line in
            (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?[key] as? String
        }
    }

    @Test(arguments: [QueueDefinition.QueueType.classic, .quorum, nil])
    func `empty ones are removed, each of either type`(_ type: QueueDefinition.QueueType?) throws {
        try self.withQueues(type) { _ in
            let list = try self.delays("list", self.home)
            #expect(list.status == 0)
            #expect(
                list.output
                    == delayQueues(of: self.home).map { "\($0)  0 waiting  0 consumers\n" }.joined()
            )
            let removed = try self.delays("remove", self.home, "--json")
            #expect(removed.status == 0, "\(removed.errors)")
            #expect(self.names(removed, "delay_queue") == delayQueues(of: self.home))
            let connection = try Broker.connect()
            defer { connection.close() }
            for queue in delayQueues(of: self.home) { #expect(try !self.isThere(queue, connection)) }
            #expect(try self.delays("list", self.home).output == "'\(self.home)' has no delay queues\n")
            let again = try self.delays("remove", self.home)
            #expect(again.status == 0)
            #expect(again.output == "'\(self.home)' has no delay queues\n")
        }
    }

    @Test(arguments: [QueueDefinition.QueueType.classic, .quorum])
    func `what waits holds them, until it is moved`(_ type: QueueDefinition.QueueType) throws {
        try self.withQueues(type, waiting: [0: 1, 3: 250]) { channel in
            let list = try self.delays("list", self.home, "--json")
            #expect(self.names(list, "queue") == Array(repeating: self.home, count: 4))
            #expect(list.output.contains("\"ready\":250"), "\(list.output)")
            let refused = try self.delays("remove", self.home)
            #expect(refused.status == 1)
            #expect(refused.output == "")
            let says = "251 messages wait in the delay queues of '\(self.home)'; nothing was removed"
            #expect(refused.errors.contains(says))
            let missing = try self.delays("remove", self.home, "--to", self.home + ".missing")
            #expect(missing.status == 1)
            #expect(missing.errors.contains("there is no queue '\(self.home).missing'"))
            #expect(try self.delays("list", self.home).output.contains("250 waiting"))
            let moved = try self.delays("remove", self.home, "--to", self.home)
            #expect(moved.status == 0, "\(moved.errors)")
            #expect(moved.output.contains("removed '\(self.home).delay.256s', 250 moved to '\(self.home)'\n"))
            var count = 0
            while let message = try channel.get(self.home, noAck: true) {
                count += 1
                let properties = try message.properties
                #expect(properties.headers?["own"] == "x")
                #expect(properties.headers?[JobHeaders.attempt]?.intValue == 2)
                #expect(DelayNote(properties.headers) == nil)
                #expect(properties.userID == (try Broker.endpoint().user))
                #expect(properties.deliveryMode == 2)
            }
            #expect(count == 251)
        }
    }

    @Test func `a supervisor's queues are left alone`() throws {
        try self.withQueues(.classic, waiting: [1: 1]) { channel in
            try channel.consume(delayQueues(of: self.home)[2])
            for words in [[], ["--to", self.home]] {
                let refused = try Tool.run(
                    Tool.millrace,
                    ["delays", "remove", self.home, "--uri", Broker.uri ?? ""] + words
                )
                #expect(refused.status == 1)
                #expect(refused.errors.contains("has a consumer: a supervisor runs a job on '\(self.home)'"))
            }
            #expect(try self.delays("list", self.home).output.split(separator: "\n").count == 4)
        }
    }

    @Test(arguments: [QueueDefinition.QueueType.classic, .quorum])
    func `a target that takes no more leaves the others where they are`(_ type: QueueDefinition.QueueType) throws {
        try self.withQueues(type, waiting: [2: 10]) { channel in
            let full = self.home + ".full"
            _ = try channel.declareQueue(full, arguments: ["x-max-length": 3, "x-overflow": "reject-publish"])
            let result = try self.delays("remove", self.home, "--to", full)
            #expect(result.status == 1)
            #expect(result.errors.contains("'\(full)' did not take"), "\(result.errors)")
            #expect(try channel.declareQueue(full, passive: true).messageCount == 3)
            #expect(try awaitCount(7, in: delayQueues(of: self.home)[2], channel))
            try channel.deleteQueue(full)
        }
    }
}
