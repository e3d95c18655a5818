import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Handlers that take batches, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct BatchTests {
    private let rig = BatchRig()

    @Test(arguments: ["classic", "quorum"])
    func `a batch begins when it is full`(_ queue: String) throws {
        let bodies = (0..<1000).map { "\($0)" }
        let job = "    prefetch: 200\n    batch: { size: 50, timeout: 1h }\n" + self.rig.with
        let counts = try self.rig.run(bodies, job, queue: queue)
        #expect(self.rig.sizes == Array(repeating: 50, count: 20))
        #expect(self.rig.batches.joined().elementsEqual(bodies), "in the queue's order, each once")
        #expect(counts.acked == 1000)
        #expect(counts.published == 1000)
        #expect(try self.rig.take(self.rig.output) == bodies)
        try self.rig.remove()
    }

    @Test func `a batch that is not full begins when its first message has waited long enough`() throws {
        let counts = try self.rig.run(
            (0..<45).map { "\($0)" },
            "    prefetch: 100\n    batch: { size: 20, timeout: 200ms }\n" + self.rig.withoutOutput
        )
        #expect(self.rig.sizes == [20, 20, 5])
        #expect(counts.acked == 45)
        try self.rig.remove()
    }

    @Test func `a message that comes while others wait joins them`() throws {
        let file = try self.rig.jobFile("    batch: { size: 3, timeout: 1h }\n" + self.rig.withoutOutput)
        let supervisor = try TestSupervisor(file, [BatchRig.plugin.descriptor])
        try supervisor.whileRunning {
            for body in ["a", "b", "c"] {
                #expect(self.rig.batches.isEmpty)
                try self.rig.publish([body])
                try self.rig.waitUntilGivenOut()
            }
            #expect(ScriptedBatchHandler.wait(self.rig.input, for: 3))
        }
        #expect(self.rig.batches == [["a", "b", "c"]])
        try self.rig.remove()
    }

    @Test(arguments: ["classic", "quorum"])
    func `each message of a batch has its own outcome`(_ queue: String) throws {
        let bodies = ["0", "1 retry", "2", "3 reject", "4", "5 requeue", "6 lost", "7", "8", "9"]
        let job = "    batch: { size: 10, timeout: 500ms }\n" + self.rig.with
        let counts = try self.rig.run(bodies, job, queue: queue)
        #expect(self.rig.batches.first == bodies)
        #expect(counts.acked == 8)
        #expect(counts.givenBack == 1)
        #expect(counts.retried == 2, "the one that said so, and the one whose output no queue took")
        #expect(counts.rejected == 2)
        #expect(try self.rig.take(self.rig.output).sorted() == ["0", "1", "2", "4", "5", "7", "8", "9"])
        #expect(try self.rig.take(self.rig.dead).sorted() == ["3 reject", "6 lost"])
        #expect(self.rig.batches.joined().count { $0 == "0" } == 1)
        try self.rig.remove()
    }

    @Test(arguments: ["classic", "quorum"])
    func `when a batch throws, its messages are handled one by one, and the guilty one alone fails`(
        _ queue: String
    ) throws {
        let bodies = (0..<20).map { $0 == 7 ? "7 poison" : "\($0)" }
        let job = "    batch: { size: 20, timeout: 500ms }\n" + self.rig.with
        let counts = try self.rig.run(bodies, job, queue: queue)
        #expect(self.rig.batches == [bodies] + bodies.map { [$0] } + [["7 poison"]])
        #expect(counts.acked == 19)
        #expect(counts.retried == 1)
        #expect(counts.rejected == 1)
        // What was published before the batch threw was dropped.
        #expect(try self.rig.take(self.rig.output) == bodies.filter { !$0.contains("poison") })
        #expect(try self.rig.take(self.rig.dead) == ["7 poison"])
        try self.rig.remove()
    }

    @Test func `a drain gives back what is collected and not begun; nothing is lost or handled twice`() throws {
        let bodies = (0..<30).map { "\($0)" }
        let job = "    prefetch: 100\n    batch: { size: 100, timeout: 1h }\n" + self.rig.with
        let file = try self.rig.jobFile(job)
        try self.rig.publish(bodies)
        let first = try TestSupervisor(file, [BatchRig.plugin.descriptor])
        try first.whileRunning {
            try self.rig.waitUntilGivenOut()
            // One that a drain meets before consume-ok closes its channel: nothing is collected then.
            #expect(first.wait { $0.consuming == 1 })
        }
        #expect(self.rig.batches.isEmpty)
        #expect(first.counts.givenBack == 30)
        let counts = try self.rig.run([], "    batch: { size: 7, timeout: 1s }\n" + self.rig.with)
        #expect(self.rig.sizes == [7, 7, 7, 7, 2])
        #expect(counts.acked == 30)
        #expect(try self.rig.take(self.rig.output) == bodies)
        try self.rig.remove()
    }

    @Test func `without acks a drain works off what is collected: nobody would give it out again`() throws {
        let job = "    ack: none\n    publish: { mode: none }\n    batch: { size: 100, timeout: 1h }\n"
        let file = try self.rig.jobFile(job + self.rig.withoutOutput)
        let bodies = (0..<30).map { "\($0)" }
        try self.rig.publish(bodies)
        let supervisor = try TestSupervisor(file, [BatchRig.plugin.descriptor])
        try supervisor.whileRunning { try self.rig.waitUntilGivenOut() }
        #expect(self.rig.batches == [bodies])
        #expect(supervisor.counts.acked == 30)
        try self.rig.remove()
    }

    @Test func `the rate limit counts messages, and a batch does not wait for those that are held back`() throws {
        let job = "    rate_limit: { allowed: 2, interval: 2s }\n    batch: { size: 10, timeout: 50ms }\n"
        let counts = try self.rig.run((0..<3).map { "\($0)" }, job + self.rig.withoutOutput)
        #expect(self.rig.sizes == [2, 1])
        #expect(counts.acked == 3)
        try self.rig.remove()
    }

    @Test func `the job's timeout counts for the batch`() throws {
        let job = "    timeout: 100ms\n    batch: { size: 3, timeout: 1s }\n"
        let counts = try self.rig.run(["0", "1 late", "2"], job + self.rig.withoutOutput)
        #expect(self.rig.sizes == [3])
        #expect(counts.acked == 3)
        try self.rig.remove()
    }

    @Test func `a batch handler whose job says nothing gets as many as prefetch allows`() throws {
        let counts = try self.rig.run((0..<50).map { "\($0)" }, "    prefetch: 25\n" + self.rig.withoutOutput)
        #expect(self.rig.sizes.allSatisfy { $0 <= 25 } && self.rig.sizes.count < 50)
        #expect(counts.acked == 50)
        try self.rig.remove()
    }

    @Test func `several threads share the queue, and no message is handled twice`() throws {
        let bodies = (0..<3000).map { "\($0)" }
        let job = "    threads: 4\n    prefetch: 60\n    batch: { size: 30, timeout: 20ms }\n" + self.rig.with
        let counts = try self.rig.run(bodies, job, queue: "quorum")
        #expect(counts.acked == 3000)
        #expect(self.rig.batches.joined().sorted() == bodies.sorted())
        #expect(try self.rig.take(self.rig.output).sorted() == bodies.sorted())
        #expect(self.rig.sizes.allSatisfy { $0 <= 30 })
        try self.rig.remove()
    }
}
