import AMQPClient
import AMQPWire
import Foundation
import Millrace
import TestSupport
import Testing

/// Copies that wait while their queue is full, limited, gone or of a kind of its own: each comes back, on a real RabbitMQ.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && Broker.control != nil, "needs AMQP_URL and its rabbitmqctl; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct WaitingCopiesTests {
    private func numbered(_ start: String, _ count: Int) -> [String] {
        (0..<count).map { "\(start) copy-\($0)" }
    }

    enum Limit: CaseIterable, Sendable { case file, policy, foreign, foreignQuorum }

    @Test(arguments: Limit.allCases)
    func `a queue that refuses what is too much, whoever says so: copies wait until there is room`(limit: Limit) throws
    {
        let rig = try WaitingRig()
        let control = try #require(Broker.control)
        let isForeign = limit == .foreign || limit == .foreignQuorum
        let own = limit == .file ? "{ max_length: 5, overflow: reject-publish }" : "{}"
        let file = try rig.file(queue: isForeign ? nil : own, job: "    threads: 1\n    prefetch: 1", wait: "1s")
        if limit == .policy {
            let definition = #"{"max-length": 5, "overflow": "reject-publish"}"#
            try control.run("set_policy", rig.queue, "^\(rig.queue)$", definition, "--apply-to", "queues")
        }
        defer { if limit == .policy { _ = try? control.run("clear_policy", rig.queue) } }
        if isForeign {
            let type = limit == .foreign ? "classic" : "quorum"
            let arguments: FieldTable = [
                "x-max-length": 5, "x-overflow": "reject-publish", "x-queue-type": .string(type),
            ]
            let connection = try Broker.connect()
            _ = try connection.openChannel().declareQueue(rig.queue, arguments: arguments)
            connection.close()
        }
        let log = RecordedLog()
        let supervisor = try rig.supervisor(file, log: log)
        try rig.withChannel(file) { channel in
            var sent = self.numbered("fail 1", 4) + ["hold hand"]
            let status = try supervisor.whileRunning {
                for body in sent { try rig.publish([body], channel) }
                #expect(rig.gate.waitForBegin("hand"))
                #expect(supervisor.wait { $0.counts.retried == 4 })
                sent += try rig.fill(channel)
                #expect(log.wait(for: WaitingRig.stuck))
                rig.gate.open()
                #expect(supervisor.wait { $0.counts.acked == sent.count }, "\(supervisor.counts) of \(sent.count)")
            }
            #expect(status == .clean)
            #expect(try rig.outputs(channel) == sent.sorted())
        }
    }

    @Test func `a delay queue that a policy limits refuses copies, and their messages come again`() throws {
        let rig = try WaitingRig()
        let control = try #require(Broker.control)
        let definition = #"{"max-length": 1}"#
        try control.run("set_policy", rig.queue, "^\(rig.queue).delay", definition, "--apply-to", "queues")
        defer { _ = try? control.run("clear_policy", rig.queue) }
        var delays = WaitingRig.delays
        delays.window = 1
        let file = try rig.file()
        let supervisor = try rig.supervisor(file, delays: delays)
        try rig.withChannel(file) { channel in
            let sent = self.numbered("fail 1", 12)
            try rig.publish(sent, channel)
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.counts.acked == sent.count }, "\(supervisor.counts)")
            }
            #expect(status == .clean)
            #expect(try rig.outputs(channel) == sent.sorted())
        }
    }

    @Test(arguments: [true, false])
    func `copies under steady failures are all there, in a quorum queue of the file's or of the virtual host's default`(
        isOfHost: Bool
    ) throws {
        let control = try #require(Broker.control)
        let host = Broker.unique("quorum")
        if isOfHost {
            try control.run("add_vhost", host, "--default-queue-type", "quorum")
            try control.run("set_permissions", "-p", host, "guest", ".*", ".*", ".*")
        }
        defer { if isOfHost { _ = try? control.run("delete_vhost", host) } }
        let uri = try #require(Broker.uri)
        let rig = try WaitingRig(isOfHost ? String(uri[..<#require(uri.lastIndex(of: "/"))]) + "/" + host : nil)
        let file = try rig.file(queue: isOfHost ? "{}" : "{ type: quorum }", wait: "250ms")
        try rig.withChannel(file) { channel in
            let count = 150
            let supervisor = try rig.supervisor(file)
            let status = try supervisor.whileRunning {
                // Copies are there all the time: each message meets those of the ones before.
                for body in self.numbered("fail 2", count) { try rig.publish([body], channel) }
                #expect(supervisor.wait { $0.counts.acked == count }, "\(supervisor.counts)")
            }
            #expect(status == .clean)
            #expect(supervisor.counts.retried == 2 * count)
            #expect(try rig.outputs(channel) == self.numbered("fail 2", count).sorted())
            // 406 if it had a lease, or a time to live.
            let delays = DelayQueue(home: rig.queue, type: isOfHost ? nil : .quorum, ladder: WaitingRig.delays.ladder)
            for stage in delays.ladder.stages.indices { try delays.declare(stage, on: channel) }
        }
    }

    @Test(arguments: ["classic", "quorum"])
    func `the job's queue, another's, is deleted and declared again while copies wait`(type: String) throws {
        let rig = try WaitingRig()
        let connection = try Broker.connect()
        defer { connection.close() }
        let other = try connection.openChannel()
        let arguments: FieldTable = ["x-queue-type": .string(type)]
        _ = try other.declareQueue(rig.queue, arguments: arguments)
        let file = try rig.file(queue: nil, job: "    missing_queue: retry", wait: "1s")
        let log = RecordedLog()
        let supervisor = try rig.supervisor(file, log: log)
        try rig.withChannel(file) { channel in
            let sent = self.numbered("fail 1", 5)
            let status = try supervisor.whileRunning {
                try rig.publish(sent, channel)
                #expect(supervisor.wait { $0.counts.retried == 5 })
                #expect(try other.deleteQueue(rig.queue) == 0)
                #expect(log.wait(for: WaitingRig.stuck))
                _ = try other.declareQueue(rig.queue, arguments: arguments)
                #expect(supervisor.wait { $0.counts.acked == 5 }, "\(supervisor.counts)")
            }
            #expect(status == .clean)
            #expect(try rig.outputs(channel) == sent)
        }
    }

    @Test func `a job that consumes a stream: copies come back to it as attempts, to the last one`() throws {
        let rig = try WaitingRig()
        let connection = try Broker.connect()
        defer { connection.close() }
        _ = try connection.openChannel().declareQueue(rig.queue, arguments: ["x-queue-type": "stream"])
        let file = try rig.file(queue: nil)
        let supervisor = try rig.supervisor(file)
        try rig.withChannel(file) { channel in
            let sent = self.numbered("fail 1", 5) + self.numbered("fail 3", 2)
            try supervisor.whileRunning {
                // A stream's consumer gets what comes after its begin.
                #expect(supervisor.wait { $0.consuming == 1 })
                try rig.publish(sent + ["fail 9 never"], channel)
                #expect(supervisor.wait { $0.counts.acked == 7 && $0.counts.rejected == 1 }, "\(supervisor.counts)")
            }
            #expect(supervisor.counts.retried == 5 + 2 * 3 + 3)
            #expect(try rig.outputs(channel) == sent.sorted())
            let dead = try #require(try channel.get(rig.dead, noAck: true))
            #expect(try dead.properties.headers?["millrace-attempt"]?.intValue == 4)
        }
    }
}
