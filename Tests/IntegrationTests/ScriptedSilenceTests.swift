import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes what it gets, or fails, as its job says.
private struct Echo: SyncJobHandler {
    private let fails: Bool
    init(_ options: HandlerOptions) throws { self.fails = try options.bool("fails") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        if self.fails { return .retry("as it was told") }
        try context.publish(message.bodyBytes, routingKey: "out")
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.silence", Echo.self)])

/// A broker that never answers what is published on a channel, against a whole supervisor.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct ScriptedSilenceTests {
    /// Answers nothing on the first channel that something is published on, and everything on the others.
    private func run(_ job: String, _ log: RecordedLog) throws -> (counts: JobCounts, channels: Int) {
        let channels = Monitor<[UInt16: UInt64]>([:])
        let counts = try ScriptedJob.run(
            "handler: tests.silence, \(job)",
            plugin: plugin.descriptor,
            answerPatience: .milliseconds(300),
            logger: log.logger
        ) { peer, stop in
            var mute: UInt16?
            try peer.serveSupervisor(awaiting: 4) { frame in
                switch frame.methodID {
                case .basicConsume: try peer.startConsumer(frame, messages: 3)
                case .txSelect: try peer.send(TxSelectOk(), on: frame.channel)
                case .txCommit: if frame.channel != mute { try peer.send(TxCommitOk(), on: frame.channel) }
                case .basicPublish:
                    mute = mute ?? frame.channel
                    let sequence = channels.withLock { channels in
                        channels[frame.channel, default: 0] += 1
                        return channels[frame.channel] ?? 0
                    }
                    // What was said of transactions is said by their commit.
                    if frame.channel != mute, !job.contains("tx") {
                        try peer.send(BasicAck(deliveryTag: sequence), on: frame.channel)
                    }
                case .basicAck: if try frame.method(BasicAck.self).deliveryTag == 3 { stop() }
                case nil: break
                default: return false
                }
                return true
            }
        }
        return (counts, channels.withLock { $0.count })
    }

    @Test(arguments: ["confirm", "tx"]) func `outputs go again on another channel, and their inputs are acked`(
        mode: String
    )
        throws
    {
        let log = RecordedLog()
        let (counts, channels) = try self.run("with: { fails: false }, publish: { mode: \(mode) }", log)
        #expect(counts.acked == 3 && counts.published == 3 && counts.received == 3)
        #expect(channels == 2)
        #expect(log.lines("the broker leaves outputs without an answer; they go again on another channel").count == 1)
    }

    @Test func `waiting messages that go back go again on another channel, and leave their delay queue then`() throws {
        let log = RecordedLog()
        let published = Monitor<[UInt16]>([])
        _ = try ScriptedJob.run(
            "handler: tests.silence, with: { fails: false }",
            plugin: plugin.descriptor,
            answerPatience: .milliseconds(300),
            logger: log.logger
        ) { peer, stop in
            var isSent = false
            var mute: UInt16?
            try peer.serveSupervisor(
                awaiting: 4,
                attended: { frame in
                    guard !isSent else { return }
                    isSent = true
                    let consume = try frame.method(BasicConsume.self)
                    let deliver = BasicDeliver(
                        consumerTag: consume.consumerTag,
                        deliveryTag: 1,
                        exchange: "",
                        routingKey: consume.queue
                    )
                    try peer.sendContent(deliver, [7], on: frame.channel)
                }
            ) { frame in
                switch frame.methodID {
                case .basicPublish:
                    mute = mute ?? frame.channel
                    #expect(try frame.method(BasicPublish.self).routingKey == "q")
                    published.withLock { $0.append(frame.channel) }
                    if frame.channel != mute { try peer.send(BasicAck(deliveryTag: 1), on: frame.channel) }
                case .basicAck: stop()
                case nil: break
                default: return false
                }
                return true
            }
        }
        #expect(published.withLock { Set($0).count } == 2)
        #expect(published.withLock { $0.count } == 2)
        let said = "the broker leaves waiting messages that go back without an answer; they go again on another channel"
        #expect(!log.lines(said).isEmpty)
    }

    @Test func `copies go again on another channel, and their originals are acked`() throws {
        let log = RecordedLog()
        let (counts, channels) = try self.run("with: { fails: true }, retry: { max_attempts: 2 }", log)
        #expect(counts.retried == 3 && counts.received == 3)
        #expect(channels == 2)
        #expect(log.lines("the broker leaves copies without an answer; they go again on another channel").count == 1)
    }
}
