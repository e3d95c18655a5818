import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Hangs on messages that begin with `H`, publishes all others.
private struct Hanging: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        self.gate.note(text)
        if text.hasPrefix("H") {
            self.gate.stayUntilOpen()
            return .retry("too late")
        }
        try context.publish(message.bodyBytes, routingKey: "out")
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.hanging", Hanging.self)])

/// A broker with one queue whose confirms take their time.
private struct SlowBroker {
    struct Copy {
        let body: [UInt8]
        let properties: BasicProperties
    }
    struct Waiting {
        var copy: Copy
        var isRedelivered = false
    }
    let peer: ScriptedPeer
    /// In the queue.
    var queue: [Waiting]
    /// Given out on the consumer's channel, by tag.
    var out: [UInt64: Waiting] = [:]
    var consumer: (channel: UInt16, tag: String)?
    var nextTag: UInt64 = 1
    var publishing: [UInt16: (method: BasicPublish, header: ContentHeader?)] = [:]
    var sequences: [UInt16: UInt64] = [:]
    /// Keys of all that was published, in order.
    var keys: [String] = []
    var kills = 0

    init(_ peer: ScriptedPeer, _ bodies: [String]) {
        self.peer = peer
        self.queue = bodies.map { Waiting(copy: Copy(body: Array($0.utf8), properties: BasicProperties())) }
    }

    mutating func giveOut() throws {
        guard let consumer = self.consumer else { return }
        while !self.queue.isEmpty {
            let next = self.queue.removeFirst()
            let deliver = BasicDeliver(
                consumerTag: consumer.tag,
                deliveryTag: self.nextTag,
                redelivered: next.isRedelivered,
                exchange: "",
                routingKey: "q"
            )
            try self.peer.sendContent(
                deliver,
                next.copy.body,
                on: consumer.channel,
                properties: next.copy.properties
            )
            self.out[self.nextTag] = next
            self.nextTag += 1
        }
    }

    /// What a supervisor with one job does, beside what every script answers.
    ///
    /// `published` gets each publish once it is whole, with its number on its channel.
    mutating func take(
        _ frame: PeerFrame,
        _ published: (inout SlowBroker, UInt16, UInt64, String, Copy) throws -> Void
    ) throws -> Bool {
        switch frame.methodID {
        case .basicConsume:
            let tag = try frame.method(BasicConsume.self).consumerTag
            try self.peer.send(BasicConsumeOk(consumerTag: tag), on: frame.channel)
            self.consumer = (frame.channel, tag)
            self.nextTag = 1
            try self.giveOut()
        case .basicPublish: self.publishing[frame.channel] = (try frame.method(BasicPublish.self), nil)
        case nil where frame.type == Frame.header:
            self.publishing[frame.channel]?.header = try frame.payload.withUnsafeBytes { bytes throws in
                try ContentHeader.decode(bytes)
            }
        case nil where frame.type == Frame.body:
            guard let (method, header) = self.publishing[frame.channel], let header else { return false }
            self.keys.append(method.routingKey)
            self.sequences[frame.channel, default: 0] += 1
            let copy = Copy(body: frame.payload, properties: header.properties)
            try published(&self, frame.channel, self.sequences[frame.channel] ?? 0, method.routingKey, copy)
        case .basicAck:
            let ack = try frame.method(BasicAck.self)
            self.out = self.out.filter { ack.multiple ? $0.key > ack.deliveryTag : $0.key != ack.deliveryTag }
        case .channelClose where frame.channel == self.consumer?.channel:
            self.kills += 1
            self.consumer = nil
            self.queue =
                self.out.sorted { $0.key < $1.key }.map { Waiting(copy: $0.value.copy, isRedelivered: true) }
                + self.queue
            self.out = [:]
            return false
        default: return false
        }
        return true
    }
}

/// Handlers that hang while the broker's confirms are on their way, against a scripted broker.
@Suite(.ownThread, .serialized, .timeLimit(.minutes(10)))
struct ScriptedHangTests {
    private static func job(_ gate: String, _ more: String = "") -> String {
        "handler: tests.hanging, with: { gate: \(gate) }, kill_timeout: 300ms, "
            + "retry: { max_attempts: 9, initial_interval: 20ms, jitter: 0 }" + more
    }

    @Test(arguments: [true, false])
    func `a channel that is given up ends when its consumer's end is answered, or after a moment`(answers: Bool) throws
    {
        let gate = gateNamed("hang-end-\(answers)")
        let frames = Monitor<[MethodID]>([])
        _ = try ScriptedJob.run(Self.job("hang-end-\(answers)"), plugin: plugin.descriptor, endsAs: nil) { peer, stop in
            var consumer: UInt16 = 0
            var isOver = false
            try peer.serveSupervisor(awaiting: 4) { frame in
                if frame.methodID == .basicConsume, consumer == 0 {
                    consumer = frame.channel
                    try peer.startConsumer(frame, bodies: ["a", "H"].map { Array($0.utf8) })
                    return true
                }
                if frame.channel != consumer, frame.methodID == nil { return true }
                if frame.methodID == .basicPublish {
                    try peer.send(BasicAck(deliveryTag: 1), on: frame.channel)
                    return true
                }
                guard !isOver, frame.channel == consumer, let method = frame.methodID else { return false }
                frames.withLock { $0.append(method) }
                switch method {
                case .basicAck: return true
                case .basicCancel:
                    #expect(try !peer.comesSomething(within: .milliseconds(200)))
                    return !answers
                case .channelClose:
                    isOver = true
                    gate.open()
                    stop()
                default: break
                }
                return false
            }
        }
        #expect(frames.withLock { $0 } == [.basicAck, .basicCancel, .channelClose])
    }

    @Test(arguments: ["confirm", "tx"])
    func `outputs whose confirms come while the next handler hangs: their inputs do not come again`(mode: String) throws
    {
        let gate = gateNamed("hang-\(mode)")
        let job = Self.job("hang-\(mode)", ", publish: { mode: \(mode) }")
        let bodies = mode == "tx" ? ["a", "H"] : ["a", "b", "c", "H"]
        let counts = try ScriptedJob.run(job, plugin: plugin.descriptor, endsAs: nil) { peer, stop in
            var broker = SlowBroker(peer, bodies)
            var isAnswered = false
            try peer.serveSupervisor { frame in
                if frame.methodID == .txSelect {
                    try peer.send(TxSelectOk(), on: frame.channel)
                    return true
                }
                if frame.methodID == .txCommit {
                    #expect(gate.waitForBegin("H"))
                    isAnswered = true
                    try peer.send(TxCommitOk(), on: frame.channel)
                    return true
                }
                return try broker.take(frame) { broker, channel, sequence, key, _ in
                    if key != "out" {
                        #expect(broker.kills == 1)
                        #expect(broker.out.count == 1, "what has its outputs came again")
                        gate.open()
                        stop()
                        return try peer.send(BasicAck(deliveryTag: sequence), on: channel)
                    }
                    guard mode == "confirm", broker.keys.count == 3 else { return }
                    #expect(gate.waitForBegin("H"))
                    isAnswered = true
                    try peer.send(BasicAck(deliveryTag: sequence, multiple: true), on: channel)
                }
            }
            #expect(isAnswered)
        }
        #expect(gate.begun == bodies)
        #expect(counts.retried == 1)
    }

    /// A message that hangs each time; the confirm of each copy comes when its handler has begun, or never.
    private func hang(_ gate: Gate, _ job: String, confirms: Bool) throws -> (kills: Int, keys: [String]) {
        let result = Monitor<(kills: Int, keys: [String])>((0, []))
        _ = try ScriptedJob.run(job, plugin: plugin.descriptor, endsAs: nil) { peer, stop in
            var broker = SlowBroker(peer, ["H"])
            var dead = 0
            try peer.serveSupervisor { frame in
                try broker.take(frame) { broker, channel, sequence, key, copy in
                    if key == "q.dead" {
                        dead += 1
                        try peer.send(BasicAck(deliveryTag: sequence), on: channel)
                        if dead == (confirms ? 1 : 2) {
                            result.withLock { $0 = (broker.kills, broker.keys) }
                            gate.open()
                            stop()
                        }
                        return
                    }
                    // Its wait is over before its confirm is there.
                    let begun = gate.begun.count
                    broker.queue.append(SlowBroker.Waiting(copy: copy))
                    try broker.giveOut()
                    #expect(gate.wait { $0.count > begun })
                    if confirms { try peer.send(BasicAck(deliveryTag: sequence), on: channel) }
                }
            }
        }
        return result.withLock { $0 }
    }

    @Test func `a message that hangs is set aside after two hangs, though its copy comes before the copy's confirm`()
        throws
    {
        let gate = gateNamed("hang-copy")
        let (kills, keys) = try self.hang(gate, Self.job("hang-copy"), confirms: true)
        #expect(kills == 2)
        #expect(keys == ["q.delay.0s", "q.dead"])
        #expect(gate.begun == ["H", "H"])
    }

    @Test func `original and copy are both about, because the confirm never came: two hangs in all`() throws {
        let gate = gateNamed("hang-both")
        let (kills, keys) = try self.hang(gate, Self.job("hang-both"), confirms: false)
        #expect(kills == 2)
        #expect(keys == ["q.delay.0s", "q.dead", "q.dead"])
        #expect(gate.begun == ["H", "H"])
    }
}
