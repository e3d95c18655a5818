import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Opened when a handler below has a message in hand, by the job's name.
private let begun = Latches()
/// Opened to let a handler go on, or by it when it was asked to end.
private let ended = Latches()

/// A latch for each name.
private final class Latches: Sendable {
    private let latches = Monitor<[String: Latch]>([:])

    subscript(_ name: String) -> Latch {
        self.latches.withLock { latches in
            if let latch = latches[name] { return latch }
            let latch = Latch()
            latches[name] = latch
            return latch
        }
    }
}

/// Waits until it is cancelled, and says so.
private struct Patient: JobHandler {
    private let name: String
    init(_ options: HandlerOptions) throws { self.name = try options.string("name") }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        begun[self.name].open()
        for await _ in AsyncStream<Void>(Void.self, { _ in }) {}  // ends with its task's cancellation alone
        ended[self.name].open()
        throw CancellationError()
    }
}

/// Asks whether it should end.
private struct Asking: SyncJobHandler {
    private let name: String
    init(_ options: HandlerOptions) throws { self.name = try options.string("name") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        begun[self.name].open()
        while !context.isCancelled { Busy.block(for: .milliseconds(1)) }
        return .retry("asked to end")
    }
}

/// Fails when it is let.
private struct Late: SyncJobHandler {
    private let name: String
    init(_ options: HandlerOptions) throws { self.name = try options.string("name") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        begun[self.name].open()
        return ended[self.name].wait() ? .retry("late") : .ack
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    [.async("tests.patient", Patient.self), .sync("tests.asking", Asking.self), .sync("tests.late", Late.self)]
)

/// Handlers that run while something ends, against a scripted broker.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct ScriptedEndTests {
    @Test(arguments: ["tests.patient", "tests.asking"])
    func `what a drain cuts short is given back, whatever on_failure says`(handler: String) throws {
        let name = "drain \(handler)"
        let counts = try ScriptedJob.run(
            "handler: \(handler), on_failure: discard, with: { name: \(name) }",
            top: "shutdown_timeout: 50ms",
            plugin: plugin.descriptor
        ) { peer, stop in
            try peer.serveSupervisor(awaiting: 4) { frame in
                switch frame.methodID {
                case .basicConsume:
                    try peer.startConsumer(frame, messages: 1)
                    #expect(begun[name].wait())
                    stop()
                case .basicNack: #expect(try frame.method(BasicNack.self).requeue)
                default: return false
                }
                return true
            }
        }
        #expect(counts.givenBack == 1)
        #expect(counts.discarded == 0)
    }

    @Test func `a timeout is kept while there is no connection`() throws {
        struct Done: Error {}
        let name = "no connection"
        let log = RecordedLog()
        let counts = try ScriptedJob.run(
            "handler: tests.patient, timeout: 300ms, with: { name: \(name) }",
            plugin: plugin.descriptor,
            logger: log.logger,
            endsAs: .abandoned
        ) { peer, stop in
            do {
                try peer.serveSupervisor(awaiting: 4) { frame in
                    switch frame.methodID {
                    case .basicConsume:
                        try peer.startConsumer(frame, messages: 1)
                        #expect(begun[name].wait())
                        try peer.send(ConnectionClose(replyCode: 320, replyText: "CONNECTION_FORCED"), on: 0)
                    case .connectionCloseOk: throw Done()
                    default: return false
                    }
                    return true
                }
            } catch is Done {}
            // Nobody listens any more.
            #expect(ended[name].wait())
            stop()
        }
        #expect(counts.droppedAcks == 1)
        let said = log.lines("acks did not go out any more: what handlers are done with comes again")
        #expect(said.map { $0["deliveries"] } == ["1"])
        #expect(log.lines("ended").map { $0["clean"] } == ["false"])
    }

    @Test func `C56: a failure after the broker has ended the consumer makes no copy`() throws {
        let name = "cancelled consumer"
        let counts = try ScriptedJob.run(
            "handler: tests.late, with: { name: \(name) }",
            plugin: plugin.descriptor
        ) { peer, stop in
            var consumers = 0
            try peer.serveSupervisor(awaiting: 4) { frame in
                switch frame.methodID {
                case .basicConsume where consumers == 0:
                    consumers += 1
                    try peer.startConsumer(frame, messages: 1)
                    #expect(begun[name].wait())
                    let tag = try frame.method(BasicConsume.self).consumerTag
                    try peer.send(BasicCancel(consumerTag: tag, noWait: true), on: frame.channel)
                    // Its answer shows that the cancel has been read.
                    try peer.send(ChannelFlow(active: true), on: frame.channel)
                    try peer.expect(ChannelFlowOk.self, on: frame.channel)
                    ended[name].open()
                case .basicConsume:
                    let tag = try frame.method(BasicConsume.self).consumerTag
                    try peer.send(BasicConsumeOk(consumerTag: tag), on: frame.channel)
                    stop()
                case .basicPublish: Issue.record("a copy of a message that the broker gives out again")
                case nil: break
                default: return false
                }
                return true
            }
        }
        #expect(counts.droppedAcks == 1)
        #expect(counts.retried == 0)
    }
}
