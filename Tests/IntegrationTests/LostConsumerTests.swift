import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import NIOPosix
import TestSupport
import Testing

/// Blocks its thread until its gate opens.
private struct Blocking: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        self.gate.note("begun")
        self.gate.stayUntilOpen()
        return .ack
    }
}

private let plugin = MillracePlugin(name: "lost", [.sync("lost.blocking", Blocking.self)])

/// A consumer that ends while its owner is inside a handler: seen at once, not when the handler returns.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct LostConsumerTests {
    private let queue = Broker.unique("lost")
    private var gate: Gate { gateNamed(self.queue) }

    private func supervisor(_ uri: String) throws -> TestSupervisor {
        let text = """
            version: 1
            connection: { uri: "\(uri)", recovery: { initial_interval: 20ms, max_interval: 20ms } }
            jobs:
              work: { queue: \(self.queue), handler: lost.blocking, with: { gate: \(self.queue) } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        return try TestSupervisor(file, [plugin.descriptor])
    }

    private func isLost(_ job: JobStatus) -> Bool {
        guard job.consuming == 0, case .restarting(let reason) = job.state else { return false }
        return reason.contains("has ended")
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `C56: a queue deleted while a handler runs: its worker does not count as consuming`() throws {
        let broker = try Broker.connect()
        defer { broker.close() }
        let channel = try broker.openChannel()
        _ = try channel.declareQueue(self.queue)
        try channel.publish([1], routingKey: self.queue)
        let supervisor = try self.supervisor(try #require(Broker.uri))
        try supervisor.whileRunning {
            defer { self.gate.open() }
            #expect(self.gate.waitForBegin("begun"))
            #expect(supervisor.wait { $0.consuming == 1 })
            #expect(supervisor.readiness.isReady)
            try channel.deleteQueue(self.queue)
            #expect(supervisor.wait(self.isLost))
            #expect(supervisor.readiness.reasons.count == 1)
            _ = try channel.declareQueue(self.queue)
            self.gate.open()
            #expect(supervisor.wait { $0.consuming == 1 })
            #expect(supervisor.readiness.isReady)
        }
        try channel.deleteQueue(self.queue)
    }

    @Test func `C54: a channel closed while a handler runs: its worker does not count as consuming`() throws {
        let gate = self.gate
        try PeerListener.run { peer in
            var consumers = 0
            try peer.serveSupervisor { frame in
                guard frame.methodID != .channelCloseOk else { return true }
                guard frame.methodID == .basicConsume else { return false }
                consumers += 1
                guard consumers == 1 else { return false }
                try peer.startConsumer(frame, messages: 1)
                _ = gate.waitForBegin("begun")
                let close = ChannelClose(replyCode: 406, replyText: "delivery acknowledgement timed out")
                try peer.send(close, on: frame.channel)
                return true
            }
        } client: { endpoint in
            let supervisor = try self.supervisor("amqp://127.0.0.1:\(endpoint.port)")
            try supervisor.whileRunning {
                defer { self.gate.open() }
                #expect(supervisor.wait(self.isLost))
                #expect(!supervisor.readiness.isReady)
                self.gate.open()
                #expect(supervisor.wait { $0.consuming == 1 })
                #expect(supervisor.counts.droppedAcks == 1)
            }
        }
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `C56: a recovering consumer whose queue is deleted does not say that it consumes`() throws {
        let broker = try Broker.connect()
        defer { broker.close() }
        let channel = try broker.openChannel()
        _ = try channel.declareQueue(self.queue)
        let connection = RecoveringConnection(
            to: [try Broker.endpoint()],
            on: MultiThreadedEventLoopGroup.singleton,
            logger: Broker.quiet
        )
        try connection.start(timeout: .seconds(60))
        defer { connection.stop() }
        let consumer = RecoveringConsumer(on: connection, queue: self.queue)
        #expect(try consumer.next(timeout: .zero) == nil)
        #expect(consumer.isConsuming)
        try channel.deleteQueue(self.queue)
        let deadline = MonotonicClock.now() &+ 60_000_000_000
        while consumer.isConsuming, MonotonicClock.now() < deadline { Busy.block(for: .milliseconds(1)) }
        #expect(!consumer.isConsuming)
        #expect(consumer.lastError == nil)  // its owner has not looked
        consumer.close()
    }
}
