import AMQPClient
import AMQPWire
import Millrace
import Testing

/// What a job file has declared, and in which order.
@Suite struct JobFilePlanTests {
    private static func file(_ text: String) throws -> JobFile {
        let head = "version: 1\nconnection: { uri: amqp://h }\n"
        return try JobFile.parse(bytes: Array((head + text).utf8), file: "jobs.yaml", environment: [:])
    }

    private static let job = "jobs: { work: { queue: q, handler: a.b } }"

    private static func items(_ planned: [PlannedDeclaration]) -> [String] { planned.map { "\($0.item)" } }

    @Test func `all exchanges come before any binding, also one that is bound to another further down`() throws {
        let file = try Self.file(
            """
            exchanges:
              first: { bindings: [ { exchange: second, routing_key: k } ] }
              second: { type: topic }
            queues:
              q: { bindings: [ { exchange: first }, { exchange: elsewhere } ] }
              r: {}
            \(Self.job)
            """
        )
        #expect(
            Self.items(file.declarations()) == [
                "exchange 'first'", "exchange 'second'", "binding of exchange 'first' to 'second' with key 'k'",
                "queue 'q'", "queue 'r'", "binding of queue 'q' to 'first'", "binding of queue 'q' to 'elsewhere'",
            ]
        )
        let ofJob = file.declarations().filter(\.isOfJob).map(\.item.queue)
        #expect(ofJob == ["q", "q", "q"])
        #expect(Self.items(file.declarations(ofQueue: "q")).count == 3)
        #expect(
            Self.items(file.declarations(ofExchangesOf: "q")) == [
                "exchange 'first'", "exchange 'second'", "binding of exchange 'first' to 'second' with key 'k'",
            ]
        )
        #expect(file.declarations(ofExchangesOf: "r").isEmpty)
    }

    @Test func `a queue of a job alone is looked at; passive wants it, none does not look unless it is a job's`() throws
    {
        let plain = try Self.file(Self.job).declarations()
        #expect(plain.map(\.request) == [.queue(QueueDeclare(queue: "q", passive: true, durable: true))])
        #expect(plain.map(\.ifMissing) == [.refused])
        let text = "jobs: { work: { queue: q, handler: a.b, missing_queue: retry } }"
        #expect(try Self.file(text).declarations().map(\.ifMissing) == [.awaited])
        let modes = try Self.file(
            """
            exchanges: { x: { declare: none, bindings: [ { exchange: y } ] }, y: { declare: passive } }
            queues:
              q: { declare: none, bindings: [ { exchange: x } ] }
              p: { declare: passive, bindings: [ { exchange: x } ] }
              n: { declare: none }
            \(Self.job)
            """
        ).declarations()
        #expect(Self.items(modes) == ["exchange 'y'", "queue 'p'", "binding of queue 'p' to 'x'", "queue 'q'"])
        #expect(modes.map { $0.request.isPassive } == [true, true, false, true])
    }

    @Test func `where dead letters go is made once, before the queues that name it, and not where the file has it`()
        throws
    {
        let file = try Self.file(
            """
            queues:
              q: { dead_letter: { routing_key: q.dead } }
              r: { dead_letter: { routing_key: q.dead } }
              s: { dead_letter: { routing_key: r } }
              t: { dead_letter: { exchange: x } }
            \(Self.job)
            """
        )
        let planned = file.declarations()
        #expect(Self.items(planned) == ["queue 'q.dead'", "queue 'q'", "queue 'r'", "queue 's'", "queue 't'"])
        #expect(planned.first?.ifMissing == .made)
    }

    @Test func `a queue that is used as it is keeps its bindings`() throws {
        let file = try Self.file(
            "queues: { q: { on_mismatch: keep, bindings: [ { exchange: x } ] } }\n\(Self.job)"
        )
        var options = JobFile.PlanOptions()
        options.kept = ["q"]
        let planned = file.declarations(ofQueue: "q", options)
        #expect(planned.map { $0.request.isPassive } == [true, false])
        #expect(Self.items(planned) == ["queue 'q'", "binding of queue 'q' to 'x'"])
        #expect(file.declarations(ofQueue: "q").first?.ifDifferent == .kept)
    }

    @Test func `exchanges that go with their queue are found through others, in circles too`() throws {
        let file = try Self.file(
            """
            exchanges:
              near: { bindings: [ { exchange: far } ] }
              far: { auto_delete: true, bindings: [ { exchange: near } ] }
              other: { auto_delete: true }
            queues:
              q: { bindings: [ { exchange: near } ] }
              r: { bindings: [ { exchange: amq.topic } ] }
            \(Self.job)
            """
        )
        #expect(file.losesExchanges(with: "q"))
        #expect(!file.losesExchanges(with: "r"))
        #expect(!file.losesExchanges(with: "unknown"))
    }

    @Test func `a run that is to end by itself waits for nobody else to make something`() throws {
        let file = try Self.file(
            "exchanges: { x: { declare: passive } }\nqueues: { q: { bindings: [ { exchange: y } ] } }\n\(Self.job)"
        )
        var options = JobFile.PlanOptions()
        #expect(file.declarations(options).map(\.ifMissing) == [.awaited, .refused, .awaited])
        options.awaitsOthers = false
        #expect(file.declarations(options).map(\.ifMissing) == [.refused, .refused, .refused])
    }
}

extension Declaration {
    /// Whether it only looks.
    fileprivate var isPassive: Bool {
        switch self {
        case .exchange(let declare): declare.passive
        case .queue(let declare): declare.passive
        case .exchangeBinding, .queueBinding: false
        }
    }
}
