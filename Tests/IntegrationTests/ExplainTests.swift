import AMQPClient
import Glibc
import Millrace
import MillraceHandler
import Synchronization
import TestSupport
import Testing

/// What handlers of these tests do: each as its job says.
private final class Conduct: Sendable {
    let isOver = Atomic<Bool>(false)
    /// A service that serves one after the other.
    let service = Monitor(0, level: .outermost)

    private static let all = Monitor<[String: Conduct]>([:])
    static func named(_ name: String) -> Conduct {
        self.all.withLock { all in
            let conduct = all[name] ?? Conduct()
            all[name] = conduct
            return conduct
        }
    }
}

private struct Sorry: Error, CustomStringConvertible { var description: String { "the mail server is away" } }

private struct Conducted: SyncJobHandler {
    private let conduct: Conduct
    private let kind: String
    init(_ options: HandlerOptions) throws {
        self.conduct = Conduct.named(try options.string("name"))
        self.kind = try options.string("kind")
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        if self.conduct.isOver.load(ordering: .acquiring) { return .ack }
        switch self.kind {
        case "fails": throw Sorry()
        case "stops": return .stop("the disk is full")
        case "asks": self.conduct.service.withLock { _ in Self.work(milliseconds: 20) }
        case "works": Self.work(milliseconds: 5)
        case "holds": while !self.conduct.isOver.load(ordering: .acquiring) { Self.work(milliseconds: 5) }
        default: break
        }
        return .ack
    }

    /// Takes its time, as real work does.
    private static func work(milliseconds: Int32) {
        poll(nil, 0, milliseconds)
    }
}

private let plugin = MillracePlugin(name: "explained", [.sync("explained.conducted", Conducted.self)])

/// One test for each thing that holds a job up: it is brought about, and the sentence is read.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct ExplainTests {
    private let queue = Broker.unique("explained")
    private var conduct: Conduct { Conduct.named(self.queue) }

    private func run(
        _ kind: String,
        _ settings: String = "threads: 2",
        more: String = "",
        other: String = "",
        uri: String? = nil,
        messages: Int = 0,
        ending: Millrace.ExitStatus? = .clean,
        backlogInterval: Duration = .milliseconds(200),
        _ body: (TestSupervisor) throws -> Void
    ) throws {
        let text = """
            version: 1
            connection:
              uri: "\(uri ?? Broker.uri ?? "")"
              recovery: { initial_interval: 20ms, max_interval: 200ms }
              \(more)
            queues: { \(self.queue): {}, \(self.queue).rest: {} }
            jobs:
              mill:
                queue: \(self.queue)
                handler: explained.conducted
                with: { name: \(self.queue), kind: \(kind) }
                retry: { initial_interval: 100ms, multiplier: 1, max_attempts: 100 }
                \(settings)
              \(other)

            """
        let file = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:]).finish()
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(self.queue)
        try channel.selectConfirms()
        for number in 0..<messages { try channel.publish(Array("\(number)".utf8), routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor], backlogInterval: backlogInterval)
        let status = try supervisor.whileRunning {
            try body(supervisor)
            self.conduct.isOver.store(true, ordering: .releasing)
        }
        if let ending { #expect(status == ending) }
        for name in [self.queue, self.queue + ".rest"] + delayQueues(of: self.queue) { try channel.deleteQueue(name) }
    }

    /// Reads what is explained until the first sentence is the one that is wanted, with its numbers and its help.
    private func sees(_ supervisor: TestSupervisor, _ cause: String, _ parts: String...) throws {
        var json = ""
        let isSeen = try Patience.sees {
            json = try supervisor.get("api/v1/jobs/mill/explain?wait=10s", wantsText: false).body
            return json.hasPrefix("{\"job\":\"mill\",\"findings\":[{\"cause\":\"\(cause)\"")
                && parts.allSatisfy { json.contains($0) }
        }
        #expect(isSeen, "no \(cause) with \(parts) in \(json)")
    }

    @Test func `connection: there is none, with the reason`() throws {
        try self.run("works", uri: "amqp://127.0.0.1:1", ending: nil) { supervisor in
            try self.sees(
                supervisor,
                "connection",
                "there is no connection to the broker: ",
                "rabbitmq-diagnostics status"
            )
        }
    }

    @Test func `connection: lost while it worked, and back`() throws {
        let proxy = try CuttingProxy(to: try Broker.endpoint())
        let original = try Endpoint(uri: Broker.uri ?? "")
        let uri = (Broker.uri ?? "").replacing(
            "\(original.host):\(original.port)",
            with: "\(proxy.endpoint.host):\(proxy.endpoint.port)"
        )
        try self.run("works", uri: uri, ending: nil) { supervisor in
            #expect(supervisor.wait { $0.consuming == 2 })
            try self.sees(supervisor, "nothing-to-do")
            proxy.stop()
            try self.sees(supervisor, "connection")
        }
    }

    @Test func `outputs: their connection is not there`() throws {
        let proxy = try CuttingProxy(to: try Broker.endpoint())
        let original = try Endpoint(uri: Broker.uri ?? "")
        let uri = (Broker.uri ?? "").replacing(
            "\(original.host):\(original.port)",
            with: "\(proxy.endpoint.host):\(proxy.endpoint.port)"
        )
        try self.run("works", more: "publishing: separate", uri: uri) { supervisor in
            #expect(supervisor.wait { $0.consuming == 2 })
            // Again and again: the connection for jobs is back before or after the one for outputs.
            var text = ""
            let isSeen = try Patience.sees {
                proxy.cut()
                text = try supervisor.get("api/v1/jobs/mill/explain?wait=10s").body
                return text.contains("the connection for outputs is missing: inputs wait for their outputs")
            }
            #expect(isSeen, "\(text)")
            #expect(supervisor.wait { $0.consuming == 2 })
        }
        proxy.stop()
    }

    @Test func `failed: with its reason and the command that starts it again`() throws {
        // With another job, or the supervisor would end.
        let other = "rest: { queue: \(self.queue).rest, handler: explained.conducted, with: { name: x, kind: acks } }"
        try self.run("stops", other: other, messages: 1, ending: nil) { supervisor in
            try self.sees(supervisor, "failed", "it has failed: ", "the disk is full", "millrace restart mill")
        }
    }

    @Test func `paused: by whom, for how long, and how it goes on`() throws {
        try self.run("acks", messages: 10) { supervisor in
            #expect(supervisor.wait { $0.counts.acked == 10 })
            #expect(try supervisor.get("api/v1/jobs/mill/pause?for=2h&reason=backfill", method: "POST").status == 200)
            try self.sees(supervisor, "paused", "it is paused", "backfill", "millrace resume mill")
        }
    }

    @Test func `draining: nothing more is begun while what is in hand goes on`() throws {
        // It is stopped twice, which gives up what is in hand.
        try self.run("holds", "threads: 1", messages: 1, ending: nil) { supervisor in
            #expect(supervisor.wait { $0.busy > 0 })
            supervisor.stop()
            // Without a question to the broker: a drain has its time.
            let isSeen = try Patience.sees {
                try supervisor.get("api/v1/jobs/mill/explain").body
                    .hasPrefix("mill: the supervisor is draining: nothing more is begun")
            }
            #expect(isSeen)
        }
    }

    @Test func `failing: how many of how many`() throws {
        try self.run("fails", messages: 40) { supervisor in
            try self.sees(supervisor, "failing", " deliveries have failed", "millrace pause mill --for 10m")
        }
    }

    @Test func `held: by whom and until when`() throws {
        let circuit = "circuit: { failures: 3, within: 1m, pause: 1h }"
        try self.run("fails", circuit, messages: 10) { supervisor in
            try self.sees(supervisor, "held", "held by its circuit until ", "the mail server is away")
        }
    }

    @Test func `rate limit: how many it lets begin`() throws {
        try self.run("acks", "rate_limit: { allowed: 20, interval: 1s }", messages: 2000) { supervisor in
            try self.sees(supervisor, "rate-limit", "rate_limit lets 20 begin in a second")
        }
    }

    @Test func `prefetch: threads wait for the next message while there are many`() throws {
        try self.run("acks", "threads: 1\n    prefetch: 1", messages: 60_000) { supervisor in
            try self.sees(
                supervisor,
                "prefetch",
                "with prefetch 1 they wait for the next message",
                "raise prefetch of job"
            )
        }
    }

    @Test func `threads: all are busy`() throws {
        try self.run("works", "threads: 2", messages: 20_000) { supervisor in
            try self.sees(supervisor, "threads", "all 2 threads are busy", "it clears in ", "millrace scale mill 4")
        }
    }

    @Test func `downstream: more threads do not help`() throws {
        let scaling = "threads: { min: 1, max: 16, target_wait: 1s, shrink_after: 1s }"
        // Often enough for a growth to be judged by outcomes, as with the 5 s of a supervisor.
        try self.run("asks", scaling, messages: 20_000, backlogInterval: .seconds(1)) { supervisor in
            try self.sees(
                supervisor,
                "downstream",
                "more threads do not help: handler time ",
                "look at what its handler calls"
            )
        }
    }
}
