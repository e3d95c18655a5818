import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Acking: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "healing", [.sync("healing.acking", Acking.self)])

/// Exchanges, queues and bindings that come, go, and come back while jobs run, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct TopologyHealingTests {
    private let queue = Broker.unique("healing")
    private var exchange: String { self.queue + ".x" }
    private var source: String { self.queue + ".source" }

    private func file(_ text: String) throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")", recovery: { initial_interval: 20ms, max_interval: 100ms } }
            \(text)
            jobs: { work: { queue: \(self.queue), handler: healing.acking } }
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func withChannel(_ body: (Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        try body(channel)
        let last = try connection.openChannel()
        // An exclusive one goes with its connection, in the broker's own time.
        #expect(try Patience.sees { try Self.deletes(self.queue, on: connection) })
        for exchange in [self.exchange, self.source] { try last.deleteExchange(exchange) }
    }

    private static func deletes(_ queue: String, on connection: Connection) throws -> Bool {
        do throws(AMQPError) {
            try connection.openChannel().deleteQueue(queue)
            return true
        } catch {
            guard error.code == AMQPError.Code(.resourceLocked) else { throw error }
            return false
        }
    }

    /// Publishes until a queue takes it; on channels of its own, for an exchange may be missing.
    private func publish(to exchange: String, on connection: Connection) throws {
        let deadline = MonotonicClock.now() &+ 60_000_000_000
        while MonotonicClock.now() < deadline {
            do throws(AMQPError) {
                let channel = try connection.openChannel()
                try channel.selectConfirms()
                try channel.publish([1], exchange: exchange, routingKey: "k", mandatory: true)
                if try channel.awaitConfirms(timeout: .seconds(60)).isEmpty { return }
            } catch {
                #expect(error.code.rawValue == 404)
            }
        }
        Issue.record("nothing takes what is published to \(exchange)")
    }

    @Test func `an exchange that went with its queue is back with it, and with what it is bound to`() throws {
        let file = try self.file(
            """
            exchanges:
              \(self.exchange): { auto_delete: true, bindings: [ { exchange: \(self.source), routing_key: k } ] }
              \(self.source): {}
            queues: { \(self.queue): { bindings: [ { exchange: \(self.exchange), routing_key: k } ] } }
            """
        )
        try self.withChannel { channel in
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                try channel.deleteQueue(self.queue)
                let connection = try Broker.connect()
                defer { connection.close() }
                // By the exchange that stayed, and the one that went.
                try self.publish(to: self.source, on: connection)
                #expect(supervisor.wait { $0.counts.acked == 1 && $0.consuming == 1 })
            }
            #expect(status == .clean)
        }
    }

    @Test func `a queue whose exchange somebody else makes later is bound, and consumed, then`() throws {
        let file = try self.file(
            "queues: { \(self.queue): { bindings: [ { exchange: \(self.exchange), routing_key: k } ] } }"
        )
        try self.withChannel { channel in
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.reason?.contains("no exchange '\(self.exchange)'") == true })
                #expect(supervisor.status.map(\.consuming) == [0])
                try channel.declareExchange(self.exchange)
                #expect(supervisor.wait { $0.consuming == 1 })
                try channel.publish([1], exchange: self.exchange, routingKey: "k")
                #expect(supervisor.wait { $0.counts.acked == 1 })
            }
            #expect(status == .clean)
        }
    }

    @Test func `a queue that another connection has for itself is consumed when that one goes`() throws {
        let file = try self.file("queues: { \(self.queue): { exclusive: true } }")
        let predecessor = try Broker.connect()
        _ = try predecessor.openChannel().declareQueue(self.queue, exclusive: true)
        try self.withChannel { _ in
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.reason?.contains("405") == true })
                predecessor.close()
                #expect(supervisor.wait { $0.consuming == 1 })
            }
            #expect(status == .clean)
        }
    }

    @Test func `a queue that comes back as another one is kept and bound while its job runs`() throws {
        let file = try self.file(
            """
            exchanges: { \(self.exchange): {} }
            queues: { \(self.queue): { on_mismatch: keep, bindings: [ { exchange: \(self.exchange), routing_key: k } ] } }
            """
        )
        try self.withChannel { channel in
            let log = RecordedLog()
            let supervisor = try TestSupervisor(file, [plugin.descriptor], logger: log.logger)
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                // The worker may be quicker; then once more.
                var isOurs = false
                let connection = try Broker.connect()
                defer { connection.close() }
                while !isOurs {
                    let own = try connection.openChannel()
                    try own.deleteQueue(self.queue)
                    do throws(AMQPError) {
                        _ = try own.declareQueue(self.queue, arguments: ["x-max-length": .int64(1000)])
                        isOurs = true
                    } catch {
                        #expect(error.code.rawValue == 406)
                    }
                }
                #expect(log.wait(for: "a queue is not as the job file says; it is used as it is"))
                // What was told last may be of before; and the binding is made behind the queue.
                try self.publish(to: self.exchange, on: connection)
                #expect(supervisor.wait { $0.counts.acked == 1 && $0.consuming == 1 })
            }
            #expect(status == .clean)
        }
    }

    @Test(.enabled(if: Broker.control != nil, "needs rabbitmqctl"))
    func `what the broker lets this user not do is no fault of the file`() throws {
        let control = try #require(Broker.control)
        let user = Broker.unique("user").replacing(".", with: "-")
        for arguments in [["add_user", user, "secret"], ["set_permissions", user, "^$", ".*", ".*"]] {
            #expect(try Tool.run(control.command, ["--silent"] + arguments).status == 0)
        }
        var endpoint = try Broker.endpoint()
        endpoint.user = user
        let uri: (String) -> String = { "amqp://\(user):\($0)@\(endpoint.host):\(endpoint.port)/%2F" }
        for (password, text) in [
            ("secret", "queues: { \(self.queue): {} }"), ("wrong", "queues: { \(self.queue): {} }"),
        ] {
            var file = try self.file(text)
            file.connection.uris = [uri(password)]
            #expect(try TestSupervisor(file, [plugin.descriptor]).run() == .noPermission)
        }
        #expect(try Tool.run(control.command, ["--silent", "delete_user", user]).status == 0)
    }
}
