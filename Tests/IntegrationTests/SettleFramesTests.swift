import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Waits at its gate with messages that say `hold`.
private struct Holding: JobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        self.gate.note(text)
        if text == "hold" { for await _ in self.gate.stream() {} }
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.async("tests.holding", Holding.self)])

/// Which frame settles which delivery, frame by frame, against a scripted broker: a failure is `basic.reject`, what is
/// given back `basic.nack`, and what is not acked never goes in bulk.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct SettleFramesTests {
    /// What came for the deliveries of one channel.
    private struct Settlements {
        private(set) var byTag: [UInt64: String] = [:]
        /// Tags that were not acked, in the order of their frames.
        private(set) var refused: [UInt64] = []
        private var outstanding: Set<UInt64>

        init(tags: ClosedRange<UInt64>) { self.outstanding = Set(tags) }

        var isEverySettled: Bool { self.outstanding.isEmpty }

        /// Takes a frame in.
        ///
        /// - Returns: Whether it is one that settles something.
        mutating func take(_ frame: PeerFrame) throws -> Bool {
            switch frame.methodID {
            case .basicAck:
                let ack = try frame.method(BasicAck.self)
                try self.settle(ack.deliveryTag, multiple: ack.multiple, "ack")
            case .basicNack:
                let nack = try frame.method(BasicNack.self)
                guard !nack.multiple else { throw PeerFailure("basic.nack with multiple") }
                try self.settle(nack.deliveryTag, "nack\(nack.requeue ? " requeue" : "")")
                self.refused.append(nack.deliveryTag)
            case .basicReject:
                let reject = try frame.method(BasicReject.self)
                try self.settle(reject.deliveryTag, "reject\(reject.requeue ? " requeue" : "")")
                self.refused.append(reject.deliveryTag)
            default: return false
            }
            return true
        }

        private mutating func settle(_ tag: UInt64, multiple: Bool = false, _ how: String) throws {
            guard self.outstanding.contains(tag) else { throw PeerFailure("\(how) \(tag), which is settled") }
            for tag in multiple ? self.outstanding.filter({ $0 <= tag }) : [tag] {
                self.outstanding.remove(tag)
                self.byTag[tag] = how
            }
        }
    }

    /// The broker's side of one run.
    private final class Script: Sendable {
        struct State {
            var settlements = Settlements(tags: 1...3)
            var consumer: UInt16 = 0
            /// The channel and the routing key of a copy that is not confirmed yet.
            var copy: (channel: UInt16, key: String)?
            var copiedTo: [String] = []
            var isStopped = false
        }
        let monitor = Monitor(State())
        private let bodies: [String]
        init(_ bodies: [String]) { self.bodies = bodies }

        /// The first time alone: a second stop is another one.
        var mayStop: Bool {
            self.monitor.withLock { state in
                defer { state.isStopped = true }
                return !state.isStopped
            }
        }

        /// - Returns: Whether it has dealt with the frame.
        func handle(_ frame: PeerFrame, _ peer: ScriptedPeer) throws -> Bool {
            if frame.methodID == .basicConsume {
                self.monitor.withLock { $0.consumer = frame.channel }
                try peer.startConsumer(frame, bodies: self.bodies.map { Array($0.utf8) })
                return true
            }
            if frame.methodID == .basicPublish {
                let key = try frame.method(BasicPublish.self).routingKey
                self.monitor.withLock { $0.copy = (frame.channel, key) }
                return true
            }
            let isContent = frame.type == Frame.header || frame.type == Frame.body
            let isMine = try self.monitor.withLock { state throws in
                if isContent { return frame.channel == state.copy?.channel }
                return try frame.channel == state.consumer && state.settlements.take(frame)
            }
            guard isMine else { return false }
            // The copy is confirmed when all others are settled: nothing may have settled its original by then.
            let confirmed = self.monitor.withLock { state -> UInt16? in
                let others = state.settlements.byTag.keys.count { $0 != 2 }
                guard let copy = state.copy, others == 2, frame.type != Frame.header else { return nil }
                #expect(state.settlements.byTag[2] == nil, "settled before its copy was confirmed")
                state.copiedTo.append(copy.key)
                state.copy = nil
                return copy.channel
            }
            if let confirmed { try peer.send(BasicAck(deliveryTag: 1), on: confirmed) }
            return true
        }
    }

    private func run(
        _ bodies: [String],
        _ job: String,
        expecting status: Millrace.ExitStatus = .clean,
        stopWhen isTime: @escaping @Sendable (Settlements, PeerFrame) -> Bool
    ) throws -> Script.State {
        let script = Script(bodies)
        let running = Monitor<TestSupervisor?>(nil)
        try PeerListener.run { peer in
            try peer.serveSupervisor { frame in
                let isDone = try script.handle(frame, peer)
                if isTime(script.monitor.withLock { $0.settlements }, frame), script.mayStop {
                    running.withLock { $0 }?.stop()
                }
                return isDone
            }
        } client: { endpoint in
            let text = """
                version: 1
                connection: { uri: "amqp://127.0.0.1:\(endpoint.port)" }
                jobs: { work: { queue: q, \(job) } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(
                file,
                [plugin.descriptor, Saying.plugin.descriptor, SayingPlugin.descriptor]
            )
            running.withLock { $0 = supervisor }
            #expect(supervisor.run() == status)
        }
        return script.monitor.withLock { $0 }
    }

    private struct Case: CustomTestStringConvertible {
        let word: String
        let onFailure: String
        let frame: String
        /// Where its copy goes first.
        var copy: String?
        var testDescription: String { "\(self.word), on_failure \(self.onFailure): \(self.frame)" }

        init(_ word: String, _ onFailure: String, _ frame: String, copy: String? = nil) {
            (self.word, self.onFailure, self.frame, self.copy) = (word, onFailure, frame, copy)
        }
    }

    private static let cases = [
        Case("retry", "requeue", "reject requeue"), Case("throw", "requeue", "reject requeue"),
        Case("retry", "reject", "ack", copy: "q.dead"), Case("throw", "reject", "ack", copy: "q.dead"),
        Case("retry", "retry", "ack", copy: "q.delay.0s"), Case("retry", "discard", "ack"),
        Case("reject", "requeue", "ack", copy: "q.dead"), Case("requeue", "reject", "nack requeue"),
        Case("requeue", "requeue", "nack requeue"), Case("snooze", "requeue", "ack", copy: "q.delay.0s"),
        Case("discard", "requeue", "ack"), Case("stop", "requeue", "nack requeue"),
    ]

    @Test(arguments: Self.cases, ["ack: { batch: 1 }", "ack: { batch: 10 }"])
    private func `a failure is a reject, what is given back a nack, and a copy is confirmed before the ack`(
        _ test: Case,
        ack: String
    ) throws {
        for handler in test.word == "throw" ? ["say.sync", "say.async"] : ["say.sync", "say.async", "say.bare"] {
            let retry = "retry: { max_attempts: 3, initial_interval: 20ms, jitter: 0 }"
            let policy = test.onFailure == "retry" ? retry : "on_failure: \(test.onFailure)"
            let state = try self.run(
                ["ack", test.word, "ack"],
                "handler: \(handler), \(ack), \(policy)",
                expecting: test.word == "stop" ? .abandoned : .clean
            ) { settlements, _ in settlements.isEverySettled }
            let settled = state.settlements.byTag
            #expect(settled[1] == "ack", "\(handler)")
            #expect(settled[2] == test.frame, "\(handler)")
            // What is not begun when its job stops is given back.
            #expect(settled[3] == "ack" || (test.word == "stop" && settled[3] == "nack requeue"), "\(handler)")
            #expect(state.copiedTo == (test.copy.map { [$0] } ?? []), "\(handler)")
        }
    }

    @Test func `a drain gives back what is behind a long handler with a nack for each, the oldest first`() throws {
        let name = Broker.unique("drain")
        let held = gateNamed(name)
        let state = try self.run(
            ["hold", "ack", "ack"],
            "handler: tests.holding, ack: { batch: 10 }, with: { gate: \(name) }"
        ) { settlements, frame in
            if settlements.refused.count == 2 { held.open() }
            return frame.methodID == .basicConsume && held.wait { !$0.isEmpty }
        }
        #expect(state.settlements.byTag == [1: "ack", 2: "nack requeue", 3: "nack requeue"])
        #expect(state.settlements.refused == [2, 3])
        #expect(held.begun == ["hold"])
    }
}
