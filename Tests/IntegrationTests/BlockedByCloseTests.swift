import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// How often `Echo` was called.
private let calls = Monitor(0)

/// Publishes what it gets.
private struct Echo: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        calls.withLock { $0 += 1 }
        try context.publish(message.bodyBytes, routingKey: "out")
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.blocked", Echo.self)])

/// A broker that says by closing channels what RabbitMQ says by `connection.blocked`.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct BlockedByCloseTests {
    @Test func `outputs wait while the broker is low on disk, and their channel is not opened again and again`() throws
    {
        let began = MonotonicClock.now()
        let counts = try ScriptedJob.run("handler: tests.blocked", plugin: plugin.descriptor) { peer, stop in
            var refusals = 0
            try peer.serveSupervisor { frame in
                switch frame.methodID {
                case .basicConsume:
                    try peer.startConsumer(frame, messages: 1)
                    return true
                case .basicAck:
                    stop()
                    return true
                case .basicPublish: return true
                case .channelCloseOk: return true
                default:
                    guard frame.type == Frame.body else { return frame.type != Frame.method }
                    refusals += 1
                    if refusals <= 7 {
                        let text = "PRECONDITION_FAILED - Server low on disk space"
                        try peer.send(ChannelClose(replyCode: 406, replyText: text), on: frame.channel)
                    } else {
                        try peer.send(BasicAck(deliveryTag: 1), on: frame.channel)
                    }
                    return true
                }
            }
        }
        #expect(counts.acked == 1)
        #expect(counts.published == 1)
        #expect(counts.retried == 0 && counts.givenBack == 0)
        #expect(calls.withLock { $0 } == 1)
        // 20, 40, 80, … ms between one and the next.
        #expect(MonotonicClock.now() - began > 1_200_000_000)
    }
}
