import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes what it gets, twice for an octet above 100, and counts how often it was called.
private struct Echo: SyncJobHandler {
    static let calls = Monitor<[String: Int]>([:])
    private let name: String
    init(_ options: HandlerOptions) throws { self.name = try options.string("name") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        Self.calls.withLock { $0[self.name, default: 0] += 1 }
        try context.publish(message.bodyBytes, routingKey: "out")
        if message.bodyBytes.first.map({ $0 > 100 }) == true {
            try context.publish(message.bodyBytes, routingKey: "other")
        }
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.refused", Echo.self)])

/// Outputs that a broker refuses for a while, against a scripted broker.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct ScriptedRefusalTests {
    private func job(_ more: String = "", name: String) -> String {
        "handler: tests.refused, with: { name: \(name) } \(more)"
    }

    private static func calls(_ name: String) -> Int { Echo.calls.withLock { $0[name] ?? 0 } }

    /// What was published on a channel so far.
    private struct Outlets {
        private(set) var counts: [UInt16: UInt64] = [:]
        private(set) var keys: [String] = []
        var channels: Int { self.counts.count }

        /// - Returns: Its number on the channel.
        mutating func published(_ frame: PeerFrame) throws -> UInt64 {
            self.keys.append(try frame.method(BasicPublish.self).routingKey)
            self.counts[frame.channel, default: 0] += 1
            return self.counts[frame.channel] ?? 0
        }
    }

    @Test func `a refused output goes again without its handler, on a new channel when the old one goes on refusing`()
        throws
    {
        let log = RecordedLog()
        let counts = try ScriptedJob.run(
            self.job(name: "again"),
            plugin: plugin.descriptor,
            logger: log.logger
        ) { peer, stop in
            var outlets = Outlets()
            var outstanding = Set(UInt64(1)...20)
            try peer.serveSupervisor { frame in
                switch frame.methodID {
                case .basicConsume: try peer.startConsumer(frame, messages: 20)
                case .basicPublish:
                    let sequence = try outlets.published(frame)
                    let refuses = outlets.channels == 1
                    if refuses {
                        try peer.send(BasicNack(deliveryTag: sequence), on: frame.channel)
                    } else {
                        try peer.send(BasicAck(deliveryTag: sequence), on: frame.channel)
                    }
                case nil: break
                case .basicNack, .basicReject:
                    Issue.record("an input was given back")
                    stop()
                case .basicAck:
                    let ack = try frame.method(BasicAck.self)
                    outstanding = outstanding.filter { ack.multiple ? $0 > ack.deliveryTag : $0 != ack.deliveryTag }
                    guard outstanding.isEmpty else { break }
                    #expect(outlets.channels == 2)
                    stop()
                default: return false
                }
                return true
            }
        }
        #expect(counts.acked == 20)
        #expect(counts.published == 20)
        #expect(counts.received == 20)
        #expect(counts.settled == 20)
        #expect(counts.rejected == 0)
        #expect(counts.retried == 0)
        #expect(Self.calls("again") == 20)
        #expect(
            log.lines("the broker refuses outputs; they are published again until it takes them, and their inputs wait")
                .count == 1
        )
        #expect(log.lines("an input failed because of its output").isEmpty)
        #expect(log.lines("a delivery failed").isEmpty)
    }

    @Test func `of two outputs the accepted one does not go again`() throws {
        let counts = try ScriptedJob.run(self.job(name: "two"), plugin: plugin.descriptor) { peer, stop in
            var outlets = Outlets()
            try peer.serveSupervisor { frame in
                switch frame.methodID {
                case .basicConsume: try peer.startConsumer(frame, bodies: [[200]])
                case .basicPublish:
                    let sequence = try outlets.published(frame)
                    if outlets.keys.last == "other", outlets.keys.count < 5 {
                        try peer.send(BasicNack(deliveryTag: sequence), on: frame.channel)
                    } else {
                        try peer.send(BasicAck(deliveryTag: sequence), on: frame.channel)
                    }
                case .basicAck:
                    #expect(outlets.keys == ["out", "other", "other", "other", "other"])
                    stop()
                case nil: break
                default: return false
                }
                return true
            }
        }
        #expect(counts.acked == 1)
        #expect(counts.published == 2)
        #expect(Self.calls("two") == 1)
    }

    @Test func `a drain gives the inputs back with one frame and waits for no room`() throws {
        let nacks = Monitor(0)
        let counts = try ScriptedJob.run(self.job(name: "drain"), plugin: plugin.descriptor) { peer, stop in
            var outlets = Outlets()
            // None is refused, and published again, before all are there.
            var held: [(sequence: UInt64, channel: UInt16)] = []
            try peer.serveSupervisor { frame in
                switch frame.methodID {
                case .basicConsume: try peer.startConsumer(frame, messages: 10)
                case .basicPublish:
                    held.append((try outlets.published(frame), frame.channel))
                    guard outlets.keys.count >= 10 else { break }
                    for (sequence, channel) in held { try peer.send(BasicNack(deliveryTag: sequence), on: channel) }
                    held = []
                    stop()
                case .basicNack:
                    nacks.withLock { $0 += 1 }
                    #expect(
                        try frame.method(BasicNack.self) == BasicNack(deliveryTag: 10, multiple: true, requeue: true)
                    )
                case nil: break
                default: return false
                }
                return true
            }
        }
        #expect(counts.givenBack == 10)
        #expect(counts.settled == counts.received)
        #expect(Self.calls("drain") == 10)
        #expect(nacks.withLock { $0 } == 1)
    }

    @Test func `without acks a drain sends a copy of the input that comes again`() throws {
        let job = self.job(", ack: none", name: "none")
        let counts = try ScriptedJob.run(job, plugin: plugin.descriptor) { peer, stop in
            var outlets = Outlets()
            try peer.serveSupervisor { frame in
                switch frame.methodID {
                case .basicConsume: try peer.startConsumer(frame, messages: 1)
                case .basicPublish:
                    let sequence = try outlets.published(frame)
                    if outlets.keys.last == "out" {
                        try peer.send(BasicNack(deliveryTag: sequence), on: frame.channel)
                        stop()
                    } else {
                        try peer.send(BasicAck(deliveryTag: sequence), on: frame.channel)
                    }
                case nil: break
                default: return false
                }
                return true
            }
        }
        #expect(counts.lost == 0)
        #expect(counts.snoozed == 1)
    }

    enum Condition: CaseIterable, Sendable { case commit, disk }

    @Test(arguments: Condition.allCases)
    func `a channel that the broker's own trouble ends: nobody has failed`(condition: Condition) throws {
        let mode = condition == .commit ? "tx" : "confirm"
        let name = "ended-\(mode)"
        let job = self.job(", publish: { mode: \(mode) }", name: name)
        let counts = try ScriptedJob.run(job, plugin: plugin.descriptor) { peer, stop in
            let end =
                condition == .commit
                ? ChannelClose(replyCode: 406, replyText: "partial tx completion", classID: 90, methodID: 20)
                : ChannelClose(replyCode: 406, replyText: "Server low on disk space", classID: 60, methodID: 40)
            var outlets = Outlets()
            var refusals = 0
            func answer(_ frame: PeerFrame, _ isGood: () throws -> Void) throws {
                refusals += 1
                if refusals <= 3 { try peer.send(end, on: frame.channel) } else { try isGood() }
            }
            try peer.serveSupervisor { frame in
                switch frame.methodID {
                case .txSelect: try peer.send(TxSelectOk(), on: frame.channel)
                case .basicConsume: try peer.startConsumer(frame, messages: 1)
                case .basicPublish:
                    let sequence = try outlets.published(frame)
                    guard condition == .disk else { break }
                    try answer(frame) { try peer.send(BasicAck(deliveryTag: sequence), on: frame.channel) }
                case .txCommit: try answer(frame) { try peer.send(TxCommitOk(), on: frame.channel) }
                case .basicAck: stop()
                case .basicNack, .basicReject:
                    Issue.record("an input was given back")
                    stop()
                case nil, .channelCloseOk: break
                default: return false
                }
                return true
            }
        }
        #expect(counts.acked == 1)
        #expect(counts.published == 1)
        #expect(Self.calls(name) == 1)
    }
}
