import AMQPClient
import AMQPWire
import Foundation
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Copies that wait, and jobs that start, while a node of the cluster is down.
extension ClusterTests {
    /// A job on a replicated queue, last in its file, behind jobs whose classic queues are on the first node.
    private struct Jobs {
        static let classic = (1...3).map { "node.\($0)" }
        static let quorum = "anywhere"
        static let moving = "moving"

        /// With this wait between two attempts.
        static func file(_ uris: [String], quorum: String = Self.quorum, wait: String) throws -> JobFile {
            var text = """
                version: 1
                connection:
                  uri: [ \(uris.map { "\"\($0)\"" }.joined(separator: ", ")) ]
                  heartbeat: 5s
                  connect_timeout: 8s
                  recovery: { initial_interval: 50ms, max_interval: 500ms }
                defaults:
                  prefetch: 60
                  retry: { max_attempts: 3, initial_interval: \(wait), multiplier: 1, jitter: 0 }

                """
            text += "queues:\n  copies.out: { type: quorum }\n"
            for queue in Self.classic { text += "  \(queue): { type: classic }\n" }
            text += "  \(quorum): { type: quorum }\njobs:\n"
            for queue in Self.classic + [quorum] {
                text += "  \(queue): { queue: \(queue), handler: waiting.job, with: { output: copies.out } }\n"
            }
            return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        }
    }

    private func supervisor(_ file: JobFile, _ log: RecordedLog = RecordedLog()) throws -> TestSupervisor {
        try TestSupervisor(file, [WaitingRig.plugin.descriptor], logger: log.logger)
    }

    /// Publishes them, and again what a broker that elects refuses.
    private func publish(_ bodies: [String], to queue: String, _ connection: Connection) throws {
        var left = bodies
        while !left.isEmpty {
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            for body in left {
                let properties = BasicProperties(deliveryMode: 2)
                try channel.publish(Array(body.utf8), routingKey: queue, properties: properties)
            }
            let failures = try channel.awaitConfirms(timeout: .seconds(10))
            left = failures.map { String(decoding: $0.message.body, as: UTF8.self) }
            channel.close()
        }
    }

    /// Takes out what has come, until all of these are among it.
    private func outputs(_ connection: Connection, _ wanted: [String]) throws -> [String] {
        let channel = try connection.openChannel()
        defer { channel.close() }
        try channel.consume("copies.out")
        var missing = Set(wanted)
        var all: [String] = []
        while !missing.isEmpty, let delivery = try channel.nextDelivery(timeout: Patience.long) {
            let text = String(decoding: delivery.body, as: UTF8.self)
            missing.remove(text)
            all.append(text)
            try channel.ack(delivery)
        }
        return all
    }

    @Test func `the node of a job's queue is down when the wait is over, and when others start: nothing is lost`()
        throws
    {
        let cluster = try TestCluster(ProcessInfo.processInfo.environment["MILLRACE_RABBITMQ"])
        defer { cluster.stop() }
        #expect(try Jobs.file([cluster.uris[0]], wait: "1s").declareTopology(logger: Broker.quiet).isEmpty)
        let file = try Jobs.file([cluster.uris[1]], wait: "4s")
        let connection = try cluster.connect(to: 2)
        defer { connection.close() }
        try self.loseHome(cluster, file, connection)
        try self.moveLeaders(cluster, connection)
    }

    private func loseHome(_ cluster: TestCluster, _ file: JobFile, _ connection: Connection) throws {
        let sent = (0..<50).map { "fail 1 copy-\($0)" }
        try self.publish(sent, to: Jobs.classic[0], connection)
        let first = try self.supervisor(file)
        try first.whileRunning { #expect(first.wait { $0.counts.retried >= 50 }) }
        try cluster.act("kill", on: 1)
        // Nobody of it has declared anything yet on this connection.
        let log = RecordedLog()
        let second = try self.supervisor(file, log)
        let start = ContinuousClock.now
        let end = try second.whileRunning {
            try self.publish(["fail 1 other"], to: Jobs.quorum, connection)
            #expect(second.wait(job: 3) { $0.counts.acked >= 1 }, "the jobs of one node hold up another's")
            let time = ContinuousClock.now - start
            print("cluster: another job has worked \(time) after its start, its retry of 4 s included")
            #expect(time < .seconds(25))
            #expect(log.wait(for: WaitingRig.stuck))
            try cluster.act("start", on: 1)
            #expect(second.wait { $0.counts.acked >= 50 }, "\(second.status)")
            print("cluster: 50 of 50 copies have come back to a queue whose node was down")
        }
        #expect(end == .clean)
        let outputs = try self.outputs(connection, sent + ["fail 1 other"])
        #expect(Set(outputs) == Set(sent + ["fail 1 other"]))
    }

    private func moveLeaders(_ cluster: TestCluster, _ connection: Connection) throws {
        // Connected to the node that leads the delay queues, since it declares them there.
        let file = try Jobs.file([cluster.uris[2], cluster.uris[0]], quorum: Jobs.moving, wait: "4s")
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let log = RecordedLog()
        let supervisor = try self.supervisor(file, log)
        let sent = (0..<100).map { "fail 1 moved-\($0)" }
        let end = try supervisor.whileRunning {
            try self.publish(sent, to: Jobs.moving, connection)
            #expect(supervisor.wait(job: 3) { $0.counts.retried >= 100 })
            let delay = DelayLadder.standard.queueName(1, of: Jobs.moving)
            let leader = try self.leader(of: delay, cluster)
            // The connection that counts stays.
            try #require(leader != 2)
            try cluster.act("kill", on: leader)
            let deadline = ContinuousClock.now + .seconds(60)
            while try self.leader(of: delay, cluster) == leader, ContinuousClock.now < deadline {}
            #expect(try self.leader(of: delay, cluster) != leader)
            // What was in hand through this node stays so until it is back, or a minute (RabbitMQ 4.3) is over.
            try cluster.act("start", on: leader)
            #expect(supervisor.wait(job: 3) { $0.counts.acked >= 100 }, "\(supervisor.status[3])")
        }
        #expect(end == .clean)
        let outputs = try self.outputs(connection, sent).filter { sent.contains($0) }
        let count = Set(outputs).count
        print("cluster: \(count) of 100 copies came out of a queue whose leader moved, \(outputs.count - count) twice")
        #expect(count == sent.count)
    }

    /// The number of the node that leads a quorum queue.
    private func leader(of queue: String, _ cluster: TestCluster) throws -> Int {
        for line in try cluster.control("list_queues", "name", "leader").split(separator: "\n") {
            let fields = line.split(separator: "\t")
            guard fields.count == 2, fields[0] == queue else { continue }
            return try #require(Int(fields[1].prefix { $0 != "@" }.drop { !$0.isNumber }))
        }
        throw PeerFailure("no queue \(queue)")
    }
}
