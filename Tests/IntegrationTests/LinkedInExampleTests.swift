import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// The example of a supervisor of one's own, run as it is: no plugin file.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct LinkedInExampleTests {
    private static let program = Tool.root + ".build/debug/millrace-linked-in"
    private static let isBuilt = FileManager.default.isExecutableFile(atPath: Self.program)

    private let prefix = Broker.unique("linked")
    private var queues: [String] {
        [
            "customers", "customers.dead", "letters", "shipments", "shipments.dead", "postage", "errands",
            "errands.dead", "errands.done",
        ].map { "\(self.prefix).\($0)" }
    }

    /// The example's job file, with queues of this test.
    private func jobFile(in folder: Scratch) throws -> String {
        let text = try String(contentsOfFile: Tool.root + "Examples/LinkedIn/jobs.yaml", encoding: .utf8)
        return try folder.write("jobs.yaml", text.replacing("linked.", with: self.prefix + "."))
    }

    private var environment: [String: String] { ["AMQP_URL": Broker.uri ?? ""] }

    @Test(.enabled(if: Self.isBuilt, "needs a debug build"), arguments: [SIGTERM, SIGINT])
    func `it runs linked-in handlers with the job file alone, and a signal drains it`(signal: Int32) async throws {
        try await OwnThread.run {
            let folder = try Scratch()
            let child = try Tool.start(Self.program, [self.jobFile(in: folder)], environment: self.environment)
            let connection = try Broker.connect()
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            for queue in self.queues { _ = try channel.declareQueue(queue, arguments: self.arguments(queue)) }
            try channel.publish(Array(#"{"name":"Ada"}"#.utf8), routingKey: self.queues[0])
            try channel.publish(Array(#"{"name":1}"#.utf8), routingKey: self.queues[0])
            let shipment = #"{"id":"s1","carrier":"post","parcels":[{"grams":1000}]}"#
            try channel.publish(Array(shipment.utf8), routingKey: self.queues[3])
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            let letter = try #require(try self.next(self.queues[2], on: channel))
            #expect(String(decoding: letter.body, as: UTF8.self) == #"{"to":"Ada","text":"Welcome, Ada."}"#)
            let dead = try #require(try self.next(self.queues[1], on: channel))
            let error = try dead.properties.headers?["millrace-error"]?.stringValue
            #expect(error == "name: expected a string, got a number")
            #expect(try self.next(self.queues[5], on: channel) != nil)
            child.send(signal)
            #expect(child.waitForExit() == 0)
            for queue in [self.queues[0], self.queues[3]] {
                #expect(try channel.declareQueue(queue, passive: true).messageCount == 0)
            }
            for queue in self.queues { try channel.deleteQueue(queue) }
            connection.close()
        }
    }

    /// A span that the program has printed, as `key=value`; its name has none.
    private struct PrintedSpan {
        let fields: [String: String]

        init?(_ line: Substring) {
            guard line.hasPrefix("span \"") else { return nil }
            let pairs = line.split(separator: " ").compactMap { word -> (String, String)? in
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                return parts.count == 2 ? (parts[0], parts[1]) : nil
            }
            self.fields = Dictionary(pairs) { first, _ in first }
        }
    }

    @Test(.enabled(if: Self.isBuilt, "needs a debug build"))
    func `the trace of an input goes through its span, and those of its retries, to its output`() async throws {
        try await OwnThread.run {
            let folder = try Scratch()
            let connection = try Broker.connect()
            defer { connection.close() }
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            for queue in self.queues { _ = try channel.declareQueue(queue, arguments: self.arguments(queue)) }
            defer { for queue in self.queues { _ = try? channel.deleteQueue(queue) } }
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            var properties = BasicProperties()
            properties.headers = ["traceparent": .string("00-\(trace)-00f067aa0ba902b7-01"), "tracestate": "vendor=x"]
            for (queue, body) in [(0, #"{"name":"Ada"}"#), (6, "fail 2")] {
                try channel.publish(Array(body.utf8), routingKey: self.queues[queue], properties: properties)
            }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            let ran = try Tool.run(
                Self.program,
                [self.jobFile(in: folder), "--once"],
                environment: self.environment
            )
            #expect(ran.status == 0, "\(ran.errors)")
            let spans = ran.errors.split(separator: "\n").compactMap { PrintedSpan($0)?.fields }
            for span in spans {
                #expect(span["trace"] == trace)
                #expect(span["parent"] == "00f067aa0ba902b7", "of each attempt: who published the message")
            }
            #expect(Set(spans.compactMap { $0["id"] }).count == 4)
            let errands = spans.filter { $0["millrace.job"] == "errands" }
            #expect(errands.map { $0["millrace.attempt"] } == ["1", "2", "3"])
            #expect(errands.map { $0["millrace.outcome"] } == ["retry", "retry", "ack"])
            for (queue, span) in [(2, spans.first { $0["millrace.job"] == "welcome" }), (8, errands.last)] {
                let output = try #require(try self.next(self.queues[queue], on: channel))
                let headers = try #require(try output.properties.headers)
                let id = try #require(span?["id"])
                #expect(headers["traceparent"]?.stringValue == "00-\(trace)-\(id)-01")
                #expect(headers["tracestate"]?.stringValue == "vendor=x")
            }
            #expect(ran.errors.contains("job=welcome attempt=1 outcome=ack"))
            #expect(ran.errors.contains("trace=\(trace)"), "the log names it")
        }
    }

    @Test(.enabled(if: Self.isBuilt, "needs a debug build"))
    func `a job whose handler is not linked in is a mistake of the file`() async throws {
        try await OwnThread.run {
            let folder = try Scratch()
            let path = try self.jobFile(in: folder)
            let text = try String(contentsOfFile: path, encoding: .utf8).replacing(
                "welcome.letter",
                with: "welcome.let"
            )
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let result = try Tool.run(Self.program, [path], environment: self.environment)
            #expect(result.status == 78)
            #expect(result.errors.contains("no plugin offers handler 'welcome.let'; there are welcome.letter"))
        }
    }

    /// As the program declares them, whoever is first.
    private func arguments(_ queue: String) -> FieldTable {
        guard self.queues.contains(queue + ".dead") else { return [:] }
        return ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(queue + ".dead")]
    }

    /// The next message of a queue; the broker is asked until it has one.
    private func next(_ queue: String, on channel: Channel) throws -> Delivery? {
        let deadline = MonotonicClock.deadline(in: Patience.long) ?? 0
        while MonotonicClock.now() < deadline {
            if let delivery = try channel.get(queue, noAck: true) { return delivery }
        }
        return nil
    }
}
