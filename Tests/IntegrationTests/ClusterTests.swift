import AMQPClient
import AMQPWire
import Foundation
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes what it gets to where it is told.
private struct Relay: SyncJobHandler {
    private let routingKey: String

    init(_ options: HandlerOptions) throws { self.routingKey = try options.string("routing_key") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try context.publish(message.bodyBytes, routingKey: self.routingKey)
        return .ack
    }
}

private let plugin = MillracePlugin(name: "cluster", [.sync("cluster.relay", Relay.self)])

/// Jobs on a cluster of three, while its nodes are killed, frozen, and restarted one after the other.
///
/// `ops/test` runs it on one release, alone: three nodes are much for a small machine.
@Suite(
    .ownThread,
    .serialized,
    .enabled(if: OwnBroker.isThere, "needs MILLRACE_RABBITMQ; ops/test sets it"),
    .timeLimit(.minutes(10))
)
struct ClusterTests {
    private static let modes = [
        "confirm": "{ mode: confirm }", "tx": "{ mode: tx, batch: { size: 20, timeout: 5ms } }",
    ]
    /// A second and job, so that there is work at every blow.
    private static let rate = 60
    private static let messages = 2400

    private func file(_ cluster: TestCluster) throws -> JobFile {
        var text = """
            version: 1
            connection:
              uri: [ \(cluster.uris.map { "\"\($0)\"" }.joined(separator: ", ")) ]
              heartbeat: 5s
              connect_timeout: 8s
              recovery: { initial_interval: 50ms, max_interval: 500ms }
            defaults:
              threads: 2
              prefetch: 20
              rate_limit: { allowed: \(Self.rate), interval: 1s }

            """
        text += "queues:\n"
        for mode in Self.modes.keys.sorted() {
            text += "  in.\(mode): { type: quorum, dead_letter: { routing_key: dead.\(mode) }, delivery_limit: 1000 }\n"
            text += "  dead.\(mode): { type: quorum }\n  out.\(mode): { type: quorum }\n"
        }
        text += "jobs:\n"
        for (mode, publish) in Self.modes.sorted(by: { $0.key < $1.key }) {
            text += """
                  \(mode):
                    queue: in.\(mode)
                    handler: cluster.relay
                    publish: \(publish)
                    with: { routing_key: out.\(mode) }

                """
        }
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func publishAll(_ connection: Connection) throws {
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.deliveryMode = 2
        for number in 0..<Self.messages {
            for mode in Self.modes.keys {
                try channel.publish(Array("\(number)".utf8), routingKey: "in.\(mode)", properties: properties)
            }
        }
        #expect(try channel.awaitConfirms(timeout: .seconds(120)) == [])
    }

    /// Waits until each job has settled so many more than it had.
    private func works(_ supervisor: TestSupervisor, _ cluster: TestCluster, after what: String) {
        for index in 0..<Self.modes.count {
            let before = supervisor.status[index].counts.settled
            let goesOn = supervisor.wait(job: index) {
                $0.counts.settled >= min(before + 2 * Self.rate, Self.messages)
            }
            guard !goesOn else { continue }
            // From a node that is not frozen.
            let queues = try? cluster.control(
                "list_queues",
                "--timeout",
                "20",
                "name",
                "leader",
                "online",
                "messages_ready",
                "messages_unacknowledged",
                "consumers"
            )
            Issue.record("stands still after \(what): \(supervisor.status[index]); \(queues ?? "no list of queues")")
        }
    }

    @Test func `a node killed, a node frozen, a rolling restart: nothing is lost, and nobody is to blame`() throws {
        let cluster = try TestCluster(ProcessInfo.processInfo.environment["MILLRACE_RABBITMQ"])
        defer { cluster.stop() }
        let file = try self.file(cluster)
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let first = try cluster.connect(to: 1)
        try self.publishAll(first)
        first.close()
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        let end = try supervisor.whileRunning {
            self.works(supervisor, cluster, after: "the start")
            for node in [1, 2] {
                try cluster.act("kill", on: node)
                self.works(supervisor, cluster, after: "node \(node) was killed")
                try cluster.act("start", on: node)
            }
            try cluster.act("pause", on: 3)
            self.works(supervisor, cluster, after: "node 3 was frozen")
            try cluster.act("resume", on: 3)
            for node in TestCluster.nodes {
                try cluster.act("stop", on: node)
                try cluster.act("start", on: node)
                self.works(supervisor, cluster, after: "node \(node) was restarted")
            }
            try self.goesRound(supervisor, cluster)
            for index in 0..<Self.modes.count {
                #expect(supervisor.wait(job: index) { $0.counts.acked >= Self.messages }, "\(supervisor.status[index])")
            }
        }
        #expect(end == .clean)
        try self.count(cluster)
    }

    /// Has it go over to each node, as after a rolling restart, and looks which node has its connection.
    private func goesRound(_ supervisor: TestSupervisor, _ cluster: TestCluster) throws {
        // A process of Erlang is named with its node: `<rabbit@host.1.2.3>`.
        func nodes() throws -> [String] {
            try cluster.control("list_connections", "--timeout", "20", "pid").split(separator: "\n")
                .map { String($0.prefix { $0 != "@" }) }
        }
        var seen: Set<String> = []
        for (index, uri) in cluster.uris.enumerated() {
            let endpoint = try Endpoint(uri: uri)
            let address = "\(endpoint.host):\(endpoint.port)"
            func isThere() throws -> Bool {
                try supervisor.get("api/v1/status", wantsText: false).body.contains("\"address\":\"\(address)\"")
            }
            if try !isThere() {
                let moved = try supervisor.get("api/v1/rebalance?to=\(address)", method: "POST")
                #expect(moved.status == 200, "\(moved)")
            }
            #expect(try isThere())
            // The old one is closed when what is in hand on it is done.
            #expect(try Patience.sees { try nodes().count == 1 }, "the old connection is still there")
            seen.formUnion(try nodes())
            self.works(supervisor, cluster, after: "it went over to node \(index + 1)")
        }
        #expect(seen.count == TestCluster.nodes.count, "\(seen)")
    }

    /// Takes all outputs out of their queues.
    private func count(_ cluster: TestCluster) throws {
        let connection = try cluster.connect(to: 1)
        defer { connection.close() }
        let channel = try connection.openChannel()
        for mode in Self.modes.keys.sorted() {
            var outputs: [String: Int] = [:]
            let waiting = try channel.declareQueue("out.\(mode)", passive: true).messageCount
            try channel.consume("out.\(mode)", tag: mode)
            for _ in 0..<waiting {
                let delivery = try #require(try channel.nextDelivery(timeout: Patience.long))
                outputs[String(decoding: delivery.body, as: UTF8.self), default: 0] += 1
                try channel.ack(delivery)
            }
            let lost = (0..<Self.messages).filter { outputs["\($0)"] == nil }
            let duplicates = outputs.values.reduce(0, +) - outputs.count
            print("cluster: \(mode): \(Self.messages) inputs, \(lost.count) outputs lost, \(duplicates) duplicates")
            #expect(lost == [])
            for queue in ["in.\(mode)", "dead.\(mode)"] {
                #expect(try channel.declareQueue(queue, passive: true).messageCount == 0, "\(queue)")
            }
        }
    }
}
