import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Stays at its gate with messages that say `hang`.
private struct Hanging: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        self.gate.note(text)
        if text == "hang" { self.gate.stayUntilOpen() }
        return .ack
    }
}

/// The same for tasks.
private struct HangingTask: JobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        self.gate.note(text)
        if text == "hang" { for await _ in self.gate.stream() {} }
        return .ack
    }
}

/// The same, for a task that keeps its thread.
private struct BlockingTask: JobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        self.gate.note(text)
        if text == "hang" { self.gate.stayUntilOpen() }
        return .ack
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    [
        .sync("tests.hanging", Hanging.self), .async("tests.hanging.task", HangingTask.self),
        .async("tests.hanging.blocking", BlockingTask.self),
    ]
)

/// How a broker takes back what was not settled in time.
private enum Taking: CaseIterable, Sendable {
    /// RabbitMQ 4.3.
    case cancel
    /// RabbitMQ before.
    case close
}

/// A broker that takes back what was not settled in time, uncounted: it is counted here.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct TakenBackTests {
    private static func deliver(_ peer: ScriptedPeer, _ consumer: PeerFrame, _ texts: [String]) throws {
        let tag = try consumer.method(BasicConsume.self).consumerTag
        for (index, text) in texts.enumerated() {
            let deliver = BasicDeliver(
                consumerTag: tag,
                deliveryTag: UInt64(index + 1),
                redelivered: true,
                exchange: "",
                routingKey: "q"
            )
            try peer.sendContent(deliver, Array(text.utf8), on: consumer.channel)
        }
    }

    private static func take(_ peer: ScriptedPeer, _ consumer: PeerFrame, _ taking: Taking) throws {
        switch taking {
        case .cancel:
            let tag = try consumer.method(BasicConsume.self).consumerTag
            try peer.send(BasicCancel(consumerTag: tag, noWait: true), on: consumer.channel)
        case .close:
            let text =
                "PRECONDITION_FAILED - delivery acknowledgement on channel 2 timed out. Timeout value used: 1000 ms."
            try peer.send(ChannelClose(replyCode: 406, replyText: text), on: consumer.channel)
        }
    }

    @Test(arguments: Taking.allCases, ["tests.hanging", "tests.hanging.task", "tests.hanging.blocking"])
    private func `a message on which a handler hung is counted when it comes again, and its neighbours are handled`(
        taking: Taking,
        handler: String
    ) throws {
        let name = Broker.unique("timeout")
        let gate = gateNamed(name)
        let counts = try ScriptedJob.run(
            "handler: \(handler), threads: 2, tasks_per_thread: 4, on_failure: requeue, with: { gate: \(name) }",
            plugin: plugin.descriptor
        ) { peer, stop in
            var consumers = 0
            var answered: Set<String> = []
            var isStopped = false
            try peer.serveSupervisor { frame in
                switch frame.methodID {
                case .basicConsume:
                    consumers += 1
                    if consumers == 1 {
                        try peer.startConsumer(frame, bodies: [Array("hang".utf8), Array("next".utf8)])
                        // The other worker's consumer comes later: this one is at its message by then.
                        _ = gate.waitForBegin("hang")
                        try Self.take(peer, frame, taking)
                    } else {
                        let tag = try frame.method(BasicConsume.self).consumerTag
                        try peer.send(BasicConsumeOk(consumerTag: tag), on: frame.channel)
                        guard consumers == (handler.hasSuffix("task") ? 3 : 2) else { return true }
                        try Self.deliver(peer, frame, ["hang", "next"])
                    }
                    return true
                case .basicReject:
                    #expect(try frame.method(BasicReject.self).requeue)
                    answered.insert("hang")
                case .basicAck:
                    answered.insert("next")
                case .basicNack, .channelCloseOk: break
                default: return false
                }
                if answered.count == 2, !isStopped {
                    isStopped = true  // a second stop is another one
                    gate.open()
                    stop()
                }
                return true
            }
        }
        #expect(gate.begun.count { $0 == "hang" } == 1)
        #expect(counts.requeued == 1)
    }
}
