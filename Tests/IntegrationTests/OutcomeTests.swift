import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// What becomes of a message by each outcome, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct OutcomeTests {
    private let input = Broker.unique("outcome")
    private var other: String { self.input + ".other" }
    private var dead: String { self.input + ".dead" }

    private func supervisor(_ handler: String, once: Bool = false) throws -> TestSupervisor {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues:
              \(self.input): { dead_letter: { routing_key: \(self.dead) } }
              \(self.dead): {}
              \(self.other): {}
            defaults: { retry: { max_attempts: 3, initial_interval: 20ms, jitter: 0 } }
            jobs:
              work: { queue: \(self.input), handler: \(handler) }
              neighbour: { queue: \(self.other), handler: \(handler) }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        return try TestSupervisor(file, [Saying.plugin.descriptor, SayingPlugin.descriptor], once: once)
    }

    private func withChannel(_ body: (Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        try body(channel)
        for queue in [self.input, self.other, self.dead] + delayQueues(of: self.input) {
            try channel.deleteQueue(queue)
        }
    }

    private func publish(_ text: String, to queue: String, _ channel: Channel) throws {
        try channel.publish(Array(text.utf8), routingKey: queue)
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    private static func counts(_ change: (inout JobCounts) -> Void) -> JobCounts {
        var counts = JobCounts()
        change(&counts)
        return counts
    }

    /// What is counted, and what the dead letter gives as its reason, if there is one.
    private struct Expected {
        let counts: JobCounts
        var deadBecause: String?

        init(_ deadBecause: String? = nil, _ change: (inout JobCounts) -> Void) {
            self.counts = OutcomeTests.counts(change)
            self.deadBecause = deadBecause
        }
    }

    private static func expected(_ word: String) -> Expected {
        switch word {
        case "ack": Expected { ($0.received, $0.acked) = (1, 1) }
        case "retry", "throw", "alone": Expected { ($0.received, $0.retried, $0.acked) = (2, 1, 1) }
        case "reject", "throw Unrecoverable": Expected("says reject") { ($0.received, $0.rejected) = (1, 1) }
        case "requeue": Expected { ($0.received, $0.givenBack, $0.acked) = (2, 1, 1) }
        case "snooze": Expected { ($0.received, $0.snoozed, $0.acked) = (2, 1, 1) }
        case "discard": Expected { ($0.received, $0.discarded) = (1, 1) }
        default: Expected("outcome 99") { ($0.received, $0.rejected) = (1, 1) }
        }
    }

    private static let returned = ["ack", "retry", "reject", "requeue", "snooze", "discard"]
    private static let cases =
        ["say.sync", "say.async"].flatMap { handler in
            (Self.returned + ["throw", "throw Unrecoverable"]).map { (handler, $0) }
        } + (Self.returned + ["alone", "unknown"]).map { ("say.bare", $0) }

    @Test(arguments: Self.cases)
    func `an outcome does what it says, and no more`(handler: String, word: String) throws {
        let supervisor = try self.supervisor(handler, once: true)
        try self.withChannel { channel in
            try self.publish(word, to: self.input, channel)
            #expect(supervisor.run() == .clean)
            let expected = Self.expected(word)
            #expect(supervisor.counts == expected.counts)
            #expect(try channel.declareQueue(self.input, passive: true).messageCount == 0)
            let letter = try channel.get(self.dead, noAck: true)
            #expect((letter == nil) == (expected.deadBecause == nil))
            if let letter, let reason = expected.deadBecause {
                let headers = try letter.properties.headers
                #expect(headers?["millrace-failure"] == "rejected")
                #expect(headers?["millrace-error"]?.stringValue?.contains(reason) == true)
                #expect(try channel.get(self.dead, noAck: true) == nil)
            }
        }
    }

    @Test(arguments: ["say.sync", "say.async", "say.bare"])
    func `stop: the message is back in its queue, its job has failed, the others run, and the exit status is 1`(
        handler: String
    ) throws {
        let supervisor = try self.supervisor(handler)
        try self.withChannel { channel in
            let status = try supervisor.whileRunning {
                try self.publish("stop", to: self.input, channel)
                #expect(supervisor.wait { if case .failed = $0.state { true } else { false } })
                guard case .failed(let reason) = supervisor.status[0].state else { return }
                #expect(reason.contains("says stop"))
                // Who works here is the neighbour alone.
                try self.publish("ack", to: self.input, channel)
                try self.publish("reject", to: self.other, channel)
                try self.publish("discard", to: self.other, channel)
                #expect(supervisor.wait(job: 1) { $0.counts.rejected == 1 && $0.counts.discarded == 1 })
            }
            #expect(status == .abandoned)
            #expect(status.rawValue == 1)
            // Not begun again, which would ack it; what the broker sent until the drain is given back.
            let counts = supervisor.counts
            #expect(counts == Self.counts { ($0.received, $0.givenBack) = (counts.received, counts.received) })
            let back = try #require(try channel.get(self.input, noAck: true))
            #expect(back.body == Array("stop".utf8))
            #expect(back.redelivered)
            #expect(try channel.get(self.input, noAck: true)?.body == Array("ack".utf8))
            #expect(try channel.get(self.dead, noAck: true) == nil)
            try channel.deleteQueue(self.other + ".dead")
        }
    }
}
