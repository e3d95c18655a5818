import AMQPClient
import Logging
import Millrace
import MillraceAdmin
import MillraceHandler
import TestSupport
import Testing

private struct Acking: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "frozen", [.sync("frozen.acking", Acking.self)])

/// Operators while the broker is of no help.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct ScriptedControlTests {
    private func withDoor(_ supervisor: TestSupervisor, _ body: (ControlClient) throws -> Void) throws {
        let scratch = try Scratch()
        let doors = Doors(supervisor.router(), logger: Logger(label: "doors") { _ in SwiftLogNoOpLogHandler() })
        defer { doors.close() }
        try body(
            ControlClient(socket: try doors.openSocket(SocketPlace(path: scratch.path + "/s.sock", isChosen: true)))
        )
    }

    @Test func `a broker that takes a connection and answers nothing more holds no command up`() throws {
        try PeerListener.run { peer in
            _ = try? peer.handshake()
            while let isMore = try? peer.takeSome(), isMore {}
        } client: { endpoint in
            let text = """
                version: 1
                connection:
                  uri: "amqp://127.0.0.1:\(endpoint.port)"
                  recovery: { initial_interval: 20ms, max_interval: 20ms }
                jobs:
                  one: { queue: q, handler: frozen.acking, threads: 2 }
                  two: { queue: q2, handler: frozen.acking }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            try supervisor.whileRunning {
                try self.withDoor(supervisor) { client in
                    for round in 0..<20 {
                        let status = try client.ask(.get, "/api/v1/status", wantsText: true)
                        #expect(status.status == 200 && status.exit == 1)
                        #expect(try client.ask(.get, "/livez", wantsText: true).status == 200)
                        let scale = "/api/v1/jobs/one/scale?threads=\(1 + round % 7)"
                        #expect(try client.ask(.post, scale, wantsText: true).exit == 0)
                        let pause = round % 2 == 0 ? "pause" : "resume"
                        #expect(
                            try client.ask(.post, "/api/v1/jobs/two/\(pause)?reason=frozen", wantsText: true).exit == 0
                        )
                        #expect(try client.ask(.post, "/api/v1/jobs/one/restart", wantsText: true).exit == 0)
                    }
                    let history = try client.ask(.get, "/api/v1/history", wantsText: true).body
                    #expect(history.split(separator: "\n").count == 60)
                    let status = try client.ask(.get, "/api/v1/status", wantsText: true).body
                    #expect(status.contains("one: threads 6 (file: 2,"))
                    #expect(try client.ask(.get, "/api/v1/jobs/nobody/drained", wantsText: true).status == 404)
                }
            }
        }
    }

    @Test func `who waits for a drain is told when the supervisor ends first`() throws {
        let text = """
            version: 1
            connection: { uri: amqp://127.0.0.1:1 }
            jobs: { one: { queue: q, handler: frozen.acking } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        let answers = Monitor<[CommandReply]>([], level: .outermost)
        try supervisor.whileRunning {
            supervisor.askLater(.awaitDrained(job: "one", until: .max)) { answer in
                answers.withLock { $0.append(answer) }
                answers.broadcast()
            }
            #expect(supervisor.ask(.awaitDrained(job: "one", until: 0)) != .done, "it does not rest")
        }
        let deadline = MonotonicClock.deadline(in: Patience.long)
        let first = answers.wait(until: deadline) { $0.first }
        #expect(first == .refused("the supervisor is draining"))
    }
}
