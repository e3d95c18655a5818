import Millrace
import Testing

/// Where a job's dead letters are, as far as the file tells.
@Suite struct DeadLetterQueueTests {
    private static func file(_ queues: String, exchanges: String = "{}", jobs: String = "") throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: amqp://a }
            exchanges: \(exchanges)
            queues: \(queues)
            jobs: { work: { queue: q, handler: a.b }\(jobs) }
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private static func queue(_ queues: String, exchanges: String = "{}") throws -> String {
        let file = try Self.file(queues, exchanges: exchanges)
        return try file.deadLetterQueue(of: #require(file.jobs.first))
    }

    @Test func `on the default exchange the routing key names it; without a target it is one of ours`() throws {
        #expect(try Self.queue("{ q: { dead_letter: { routing_key: graves } } }") == "graves")
        #expect(try Self.queue("{ q: {} }") == "q.dead")
        #expect(try Self.queue("{}") == "q.dead")
    }

    private static let target = "q: { dead_letter: { exchange: dlx, routing_key: q.failed } }"

    @Test(arguments: [
        ("direct", "q.failed", true), ("direct", "q.*", false), ("direct", "#", false), ("topic", "q.*", true),
        ("topic", "*.other", false), ("topic", "#", true), ("fanout", "whatever", true), ("x-delayed", "q.*", false),
    ])
    func `behind an exchange the binding has to match, by the exchange's type`(
        _ type: String,
        _ key: String,
        _ isFound: Bool
    ) throws {
        let queues = "{ \(Self.target), g: { bindings: [ { exchange: dlx, routing_key: \"\(key)\" } ] } }"
        let exchanges = "{ dlx: { type: \(type) } }"
        if isFound {
            #expect(try Self.queue(queues, exchanges: exchanges) == "g")
        } else {
            let error = #expect(throws: FailedMessageError.self) { try Self.queue(queues, exchanges: exchanges) }
            #expect(
                error?.description.contains("no queue of the file could get them; name the one with --queue") == true
            )
        }
    }

    @Test func `of several queues none is guessed`() throws {
        let bindings = "bindings: [ { exchange: dlx, routing_key: q.failed } ]"
        let error = #expect(throws: FailedMessageError.self) {
            try Self.queue("{ \(Self.target), g: { \(bindings) }, h: { \(bindings) } }", exchanges: "{ dlx: {} }")
        }
        #expect(error?.description.contains("2 queues") == true)
    }

    @Test func `an exchange that is not in the file: only what is right for every type`() throws {
        func bound(_ key: String) -> String {
            "{ \(Self.target), g: { bindings: [ { exchange: dlx, routing_key: \"\(key)\" } ] } }"
        }
        #expect(try Self.queue(bound("q.failed")) == "g")
        #expect(throws: FailedMessageError.self) { try Self.queue(bound("q.*")) }
    }

    @Test func `jobs may share a queue for dead letters`() throws {
        let file = try Self.file(
            """
            { q: { dead_letter: { routing_key: graves } }, r: { dead_letter: { routing_key: graves } }, s: {},
              graves: {} }
            """,
            jobs: ", more: { queue: r, handler: a.b }, alone: { queue: s, handler: a.b }"
        )
        #expect(file.jobs(withDeadLettersIn: "graves") == ["work", "more"])
        #expect(file.jobs(withDeadLettersIn: "s.dead") == ["alone"])
    }
}
