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
        try connection.start(timeout: Patience.long)
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

    private static let forgotten =
        "the queue has no consumer, and the job's threads were never told; others take their place"

    /// Runs the job, looks at its queue all the time, and waits until it consumes for the second time.
    private func consumesAgain(
        _ uri: String,
        queue: String,
        lose: () throws -> Void = {},
        until isDone: () -> Bool
    ) throws {
        let log = RecordedLog()
        let text = """
            version: 1
            connection: { uri: "\(uri)" }
            jobs:
              work: { queue: \(queue), handler: lost.blocking, with: { gate: \(self.queue) } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let supervisor = try TestSupervisor(
            file,
            [plugin.descriptor],
            consumerCheck: .milliseconds(20),
            consumeTimeout: .seconds(1),
            logger: log.logger
        )
        try supervisor.whileRunning {
            #expect(supervisor.wait { $0.consuming == 1 })
            try lose()
            #expect(log.wait(for: Self.forgotten))
            #expect(isDone())
        }
    }

    @Test func `a consumer that the broker lost in silence is opened again`() throws {
        let consumers = Monitor(0)
        try PeerListener.run { peer in
            var looks = 0
            try peer.serveSupervisor { frame in
                if frame.methodID == .basicConsume {
                    consumers.withLock { $0 += 1 }
                    consumers.broadcast()
                }
                guard frame.methodID == .queueDeclare, try frame.method(QueueDeclare.self).passive else { return false }
                let opened = consumers.withLock { $0 }
                if opened > 0 { looks += 1 }
                // The first is there for three looks, and then no more; the second stays.
                let count: UInt32 = opened > 1 || (1...3).contains(looks) ? 1 : 0
                try peer.send(QueueDeclareOk(queue: "q", messageCount: 5, consumerCount: count), on: frame.channel)
                return true
            }
        } client: { endpoint in
            try self.consumesAgain("amqp://127.0.0.1:\(endpoint.port)", queue: "q") {
                consumers.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 >= 2 ? true : nil } ?? false
            }
        }
    }

    @Test(.enabled(if: Broker.control != nil, "needs the broker that ops/test starts"))
    func `a consumer that a classic queue forgets is opened again, and gets its messages`() throws {
        let broker = try Broker.connect()
        defer { broker.close() }
        let channel = try broker.openChannel()
        _ = try channel.declareQueue(self.queue)
        let control = try #require(Broker.control)
        let gate = self.gate
        try self.consumesAgain(try #require(Broker.uri), queue: self.queue) {
            // The queue's own process is told to drop it, in the name of its channel, which learns nothing of it.
            try control.run(
                "eval",
                "{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"\(self.queue)\">>)), "
                    + "IsNew = (catch rabbit_feature_flags:is_enabled('rabbitmq_4.0.0')), "
                    + "[begin Ch = element(1, C), Tag = element(2, C), Wish = case IsNew of "
                    + "true -> {stop_consumer, #{pid => Ch, consumer_tag => Tag, user => <<\"test\">>, reason => cancel}}; "
                    + "_ -> {basic_cancel, Ch, Tag, undefined, <<\"test\">>} end, "
                    + "gen_server2:call(amqqueue:get_pid(Q), Wish) end || C <- rabbit_amqqueue:consumers(Q)]."
            )
            gate.open()
            try channel.publish([1], routingKey: self.queue)
        } until: {
            gate.waitForBegin("begun")
        }
        #expect(try channel.declareQueue(self.queue, passive: true).messageCount == 0)
        try channel.deleteQueue(self.queue)
    }
}
