import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes what it gets.
private struct Echo: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try context.publish(message.bodyBytes, routingKey: "out")
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.echo", Echo.self)])

/// Outputs when channels end at a bad moment, against a scripted broker.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct ScriptedOutputTests {
    @Test func `C64: nothing is published while a commit is on its way, and no input is acked by an older commit`()
        throws
    {
        let counts = try ScriptedJob.run(
            "handler: tests.echo, publish: { mode: tx }",
            plugin: plugin.descriptor,
            Self.answer
        )
        #expect(counts.acked == 1)
        #expect(counts.published == 1)
        #expect(counts.droppedAcks == 1)
    }

    /// Ends the consumer's channel while a commit is on its way, and answers that when the next delivery is there.
    private static func answer(_ peer: ScriptedPeer, _ stop: () -> Void) throws {
        var consumers: [UInt16] = []
        var commits = 0
        var outlet: UInt16 = 0
        try peer.serveSupervisor(awaiting: 4) { frame in
            switch frame.methodID {
            case .txSelect:
                outlet = frame.channel
                try peer.send(TxSelectOk(), on: outlet)
            case nil, .basicPublish, .channelCloseOk: break
            case .basicConsume:
                consumers.append(frame.channel)
                try peer.startConsumer(frame, messages: 1)
                guard consumers.count == 2 else { break }
                #expect(try !peer.comesSomething(within: .milliseconds(500)), "published or acked before commit-ok")
                try peer.send(TxCommitOk(), on: outlet)
            case .txCommit:
                commits += 1
                #expect(frame.channel == outlet)
                if commits == 1 {
                    let end = ChannelClose(replyCode: 406, replyText: "timeout", classID: 0, methodID: 0)
                    try peer.send(end, on: consumers[0])
                } else {
                    #expect(try !peer.comesSomething(within: .milliseconds(500)), "acked before its own commit-ok")
                    try peer.send(TxCommitOk(), on: outlet)
                }
            case .basicAck:
                #expect(commits == 2)
                #expect(frame.channel == consumers.last)
                stop()
            default: return false
            }
            return true
        }
    }
}
