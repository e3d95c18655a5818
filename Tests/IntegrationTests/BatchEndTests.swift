import AMQPClient
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Batches when something ends: the connection, the patience of a drain, the queue's messages; on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct BatchEndTests {
    private let rig = BatchRig()

    @Test func `when the connection ends, what is collected comes again, and each message is handled once`() throws {
        let proxy = try CuttingProxy(to: try Broker.endpoint())
        defer { proxy.stop() }
        let uri = "amqp://\(proxy.endpoint.user):\(proxy.endpoint.password)@127.0.0.1:\(proxy.endpoint.port)"
        let job = "    batch: { size: 10, timeout: 1h }\n" + self.rig.with
        let supervisor = try TestSupervisor(try self.rig.jobFile(job, uri: uri), [BatchRig.plugin.descriptor])
        let bodies = (0..<10).map { "\($0)" }
        try supervisor.whileRunning {
            try self.rig.publish(Array(bodies[..<5]))
            try self.rig.waitUntilGivenOut()
            #expect(proxy.cut() > 0)
            try self.rig.publish(Array(bodies[5...]))
            #expect(ScriptedBatchHandler.wait(self.rig.input, for: 10))
            #expect(supervisor.wait { $0.counts.acked == 10 })
        }
        #expect(self.rig.batches.map { $0.sorted() } == [bodies])
        #expect(supervisor.counts.droppedAcks == 0)
        #expect(try self.rig.take(self.rig.output).sorted() == bodies)
        try self.rig.remove()
    }

    @Test func `at shutdown_timeout what a failed batch has not begun again goes back to the queue`() throws {
        let bodies = ["0 poison", "1 late", "2 late", "3"]
        let job = "    batch: { size: 4, timeout: 1h }\n    on_failure: discard\n" + self.rig.withoutOutput
        let file = try self.rig.jobFile(job, more: "shutdown_timeout: 100ms")
        try self.rig.publish(bodies)
        let supervisor = try TestSupervisor(file, [BatchRig.plugin.descriptor])
        // The whole batch, the poison alone, and one that waits to be told to end.
        try supervisor.whileRunning { #expect(ScriptedBatchHandler.wait(self.rig.input, for: 6)) }
        #expect(self.rig.batches == [bodies, ["0 poison"], ["1 late"]])
        #expect(supervisor.counts.givenBack == 2)
        #expect(supervisor.counts.acked == 1)
        #expect(try self.rig.take(self.rig.input) == ["2 late", "3"])
        try self.rig.remove()
    }

    @Test func `with once, messages that wait behind a batch that takes long are not given back`() throws {
        let bodies = (0..<20).map { $0 == 3 || $0 == 12 ? "\($0) late" : "\($0)" }
        let job = "    timeout: 1500ms\n    batch: { size: 10, timeout: 20ms }\n" + self.rig.withoutOutput
        let counts = try self.rig.run(bodies, job)
        #expect(self.rig.sizes == [10, 10])
        #expect(counts.acked == 20)
        #expect(counts.givenBack == 0)
        try self.rig.remove()
    }

    @Test func `a failure that is put back at once slows the worker down, and the others of its batch are acked`()
        throws
    {
        let bodies = ["0", "1 retry", "2", "3 retry"]
        let job = "    batch: { size: 4, timeout: 20ms }\n    on_failure: requeue\n" + self.rig.with
        let counts = try self.rig.run(bodies, job)
        #expect(counts.requeued == 2)
        #expect(counts.acked == 4)
        #expect(try self.rig.take(self.rig.output).sorted() == ["0", "1", "2", "3"])
        try self.rig.remove()
    }
}
