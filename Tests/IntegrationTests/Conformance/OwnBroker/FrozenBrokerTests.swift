import AMQPClient
import Foundation
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

private let plugin = MillracePlugin(name: "frozen", [.sync("frozen.acks", Acking.self)])

extension OwnBrokerTests {
    /// What operators get while the broker is stopped by SIGSTOP, after jobs have worked on it.
    struct FrozenBrokerTests {
        /// What is asked many times each.
        private static let questions: [(verb: ControlClient.Verb, path: String)] = [
            (.get, "/livez"), (.get, "/readyz"), (.get, "/metrics"), (.get, "/api/v1/status"),
            (.get, "/api/v1/jobs/one"), (.get, "/api/v1/dump"), (.get, "/api/v1/jobs/one/dump"),
            (.get, "/api/v1/history"), (.get, "/api/v1/schedules"), (.get, "/api/v1/explain"),
            (.get, "/api/v1/jobs/one/explain"), (.get, "/api/v1/plan"), (.post, "/api/v1/reload"),
            (.post, "/api/v1/jobs/one/scale?threads=3&for=2h&reason=frozen"),
            (.post, "/api/v1/jobs/one/scale?threads=2"),
            (.post, "/api/v1/jobs/two/pause?for=1h"), (.post, "/api/v1/jobs/two/resume"), (.post, "/api/v1/quiet"),
            (.post, "/api/v1/resume"), (.post, "/api/v1/jobs/one/restart"),
            (.post, "/api/v1/schedules/beat/pause"), (.post, "/api/v1/schedules/beat/resume"),
        ]

        private static func load(_ node: OwnBroker.Node, _ folder: String, _ name: String) throws -> LoadedFile {
            var registry = PluginRegistry()
            try registry.add(linkedIn: plugin.descriptor)
            let endpoint = node.endpoint
            let text = """
                version: 1
                connection: { uri: "amqp://\(endpoint.host):\(endpoint.port)" }
                control: { state: \(folder)/state }
                queues: { \(name).1: {}, \(name).2: {} }
                schedules: { beat: { every: 1h, queue: \(name).1 } }
                jobs:
                  one: { queue: \(name).1, handler: frozen.acks, threads: 2 }
                  two: { queue: \(name).2, handler: frozen.acks }
                """
            let draft = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let file = try draft.finish()
            return LoadedFile(
                file: file,
                registry: registry,
                identity: FileIdentity(path: "jobs.yaml", digest: draft.digest(of: file))
            )
        }

        /// The longest of 99 in 100 answers, in milliseconds; a machine that is busy with other tests may have another try.
        private static func time(
            _ client: ControlClient,
            _ verb: ControlClient.Verb,
            _ path: String,
            _ count: Int
        ) throws -> Double {
            var best = Double.infinity
            for _ in 0..<3 where best >= 100 {
                var times: [UInt64] = []
                for _ in 0..<count {
                    let began = MonotonicClock.now()
                    let answer = try client.ask(verb, path, wantsText: true)
                    times.append(MonotonicClock.now() &- began)
                    #expect(answer.status == 200 || answer.status == 503, "\(path): \(answer)")
                }
                times.sort()
                best = min(best, Double(times[count * 99 / 100 - 1]) / 1e6)
            }
            return best
        }

        @Test func `each command answers within 100 ms, of a hundred times 99`() async throws {
            // A broker that is stopped does nothing that its release could change: a thousand times on one of them is enough.
            let count = try Broker.profile().version < "4.0" ? 1000 : 100
            try await OwnBrokerTests.run { _, node in
                let scratch = try Scratch()
                let loaded = try Self.load(node, scratch.path, "frozen.asked")
                let supervisor = try TestSupervisor(loaded.file, [plugin.descriptor], load: { _ in .success(loaded) })
                try supervisor.whileRunning {
                    #expect(supervisor.wait { $0.consuming == 2 })
                    #expect(supervisor.wait(job: 1) { $0.consuming == 1 })
                    let doors = Doors(supervisor.router(), logger: Broker.quiet)
                    defer { doors.close() }
                    let client = ControlClient(
                        socket: try doors.openSocket(SocketPlace(path: scratch.path + "/s.sock", isChosen: true))
                    )
                    let plan = try client.ask(.get, "/api/v1/plan?wait=30s", wantsText: true).body
                    #expect(plan.contains("unchanged         two") && !plan.contains("not compared"), "\(plan)")
                    try node.whileFrozen {
                        for (verb, path) in Self.questions {
                            let time = try Self.time(client, verb, path, count)
                            print("frozen broker: p99 of \(count) \(path): \((time * 10).rounded() / 10) ms")
                            #expect(time < 100, "\(path)")
                        }
                        let text = try client.ask(.get, "/api/v1/jobs/one/explain", wantsText: true)
                        #expect(text.exit == 1, "\(text.body)")
                        #expect(
                            text.body.hasPrefix("one: the broker has answered nothing for ")
                                || text.body.hasPrefix("one: there is no connection to the broker"),
                            "\(text.body)"
                        )
                    }
                    #expect(supervisor.wait { $0.consuming == 2 })
                    #expect(supervisor.wait(job: 1) { $0.consuming == 1 })
                }
            }
        }

        @Test func `explain says that the broker is silent, or that it blocks the connection`() async throws {
            try await OwnBrokerTests.run { rig, node in
                let scratch = try Scratch()
                let loaded = try Self.load(node, scratch.path, "frozen.explained")
                let supervisor = try TestSupervisor(loaded.file, [plugin.descriptor])
                try supervisor.whileRunning {
                    #expect(supervisor.wait { $0.consuming == 2 })
                    let fine = try supervisor.get("api/v1/jobs/one/explain?wait=30s").body
                    #expect(
                        fine == "one: queue 'frozen.explained.1' is empty, with 2 consumers: there is nothing to do\n"
                    )
                    try node.whileFrozen {
                        let silent = try supervisor.get("api/v1/jobs/one/explain").body
                        #expect(silent.hasPrefix("one: the broker has answered nothing for "), "\(silent)")
                        #expect(silent.contains("rabbitmq-diagnostics ping"))
                        let plan = try supervisor.get("api/v1/explain")
                        #expect(plan.exit == 1 && plan.body.contains("two: the broker has answered nothing for "))
                    }
                }
            }
        }
    }
}
