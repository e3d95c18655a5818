import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Acking: SyncJobHandler {
    init(_ options: HandlerOptions) throws { _ = try options.string("name", default: "") }
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

/// Publishes as much as it is told.
private struct Flooding: SyncJobHandler {
    private let size: Int
    init(_ options: HandlerOptions) throws { self.size = try options.int("size") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try context.publish([UInt8](repeating: 7, count: self.size), routingKey: "out")
        return .ack
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    [.sync("tests.acking", Acking.self), .sync("tests.flooding", Flooding.self)]
)

/// A broker that stops answering: a drain ends by `shutdown_timeout` and `kill_timeout`, and a second for what comes last.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct BoundedEndTests {
    private static let times = "shutdown_timeout: 300ms\nkill_timeout: 200ms"
    /// The file's times, the second, and as much again for a busy machine: less than any answer is waited for.
    private static let limit: UInt64 = 4_000_000_000

    /// Drains when a frame of `due` comes; from the first one of `method` on nothing is answered.
    private func end(
        _ job: String = "handler: tests.acking",
        once: Bool = false,
        logger: RecordedLog = RecordedLog(),
        blocks: Bool = false,
        silentAt method: MethodID,
        stopsAt due: MethodID
    ) throws {
        let stopped = Monitor<UInt64?>(nil)
        let isSilent = Monitor(false)
        _ = try ScriptedJob.run(
            job,
            top: Self.times,
            plugin: plugin.descriptor,
            once: once,
            logger: logger.logger,
            endsAs: nil
        ) { peer, stop in
            var hasStarted = false
            do {
                try peer.serveSupervisor(awaiting: 4) { frame in
                    // With the first consumer the start is over.
                    hasStarted = hasStarted || frame.methodID == .basicConsume
                    guard hasStarted else { return false }
                    if frame.methodID == method { isSilent.withLock { $0 = true } }
                    if frame.methodID == due, stopped.withLock({ $0 }) == nil {
                        stopped.withLock { $0 = MonotonicClock.now() }
                        if blocks { try peer.send(ConnectionBlocked(reason: "low on memory"), on: 0) }
                        stop()
                    }
                    if isSilent.withLock({ $0 }) { return true }
                    if frame.methodID == .basicConsume {
                        try peer.startConsumer(frame, messages: 3)
                        return true
                    }
                    if frame.methodID == .txSelect {
                        try peer.send(TxSelectOk(), on: frame.channel)
                        return true
                    }
                    return frame.methodID == nil
                        || [.basicAck, .basicNack, .basicPublish].contains(frame.methodID)
                }
            } catch let error where !isSilent.withLock({ $0 }) {
                throw error
            } catch {}  // the client has left
        }
        let began = try #require(stopped.withLock { $0 })
        #expect(MonotonicClock.now() - began < Self.limit, "silent at \(method)")
    }

    @Test(arguments: [MethodID.basicCancel, .channelClose, .connectionClose])
    func `whatever the broker does not answer in a drain`(method: MethodID) throws {
        try self.end(silentAt: method, stopsAt: .basicAck)
    }

    @Test func `a broker that blocks the connection, and reads nothing more`() throws {
        try self.end(blocks: true, silentAt: .basicCancel, stopsAt: .basicAck)
    }

    @Test func `a commit without an answer`() throws {
        let log = RecordedLog()
        try self.end(
            "handler: tests.flooding, publish: { mode: tx }, with: { size: 10 }",
            logger: log,
            silentAt: .txCommit,
            stopsAt: .txCommit
        )
        let lines = log.lines("a worker did not end: the broker does not answer; what it holds comes again")
        #expect(lines.map { $0["deliveries"] } == ["3"])
    }

    @Test func `outputs without confirms`() throws {
        let log = RecordedLog()
        try self.end(
            "handler: tests.flooding, with: { size: 10 }",
            logger: log,
            silentAt: .basicPublish,
            stopsAt: .basicPublish
        )
        #expect(log.lines("ended").map { $0["clean"] } == ["false"])
    }

    @Test func `a consumer that is not confirmed`() throws {
        try self.end(silentAt: .basicConsume, stopsAt: .basicConsume)
    }

    @Test func `a look at the queue that gets no answer, with once`() throws {
        try self.end(once: true, silentAt: .queueDeclare, stopsAt: .queueDeclare)
    }

    @Test func `who holds deliveries that the broker does not take back is named`() throws {
        let log = RecordedLog()
        try self.end(logger: log, silentAt: .basicCancel, stopsAt: .basicAck)
        let lines = log.lines("a worker did not end: the broker does not answer; what it holds comes again")
        #expect(lines.count == 1)
        #expect(log.lines("ended").map { $0["clean"] } == ["false"])
    }

    @Test func `a broker that reads nothing, and a full socket`() throws {
        struct Done: Error {}
        let log = RecordedLog()
        let took = Monitor<UInt64>(0)
        _ = try ScriptedJob.run(
            "handler: tests.flooding, prefetch: 20, with: { size: 1048576 }",
            top: Self.times,
            plugin: plugin.descriptor,
            logger: log.logger,
            endsAs: .abandoned
        ) { peer, stop in
            do {
                try peer.serveSupervisor(awaiting: 4) { frame in
                    if frame.methodID == .basicConsume {
                        try peer.startConsumer(frame, messages: 20)
                        return true
                    }
                    guard frame.methodID == .basicPublish else { return false }
                    // From here on nothing is read: twenty of these have no room in a socket.
                    let began = MonotonicClock.now()
                    stop()
                    #expect(log.wait(for: "ended"))
                    took.withLock { $0 = MonotonicClock.now() - began }
                    throw Done()
                }
            } catch is Done {}
        }
        #expect(took.withLock { $0 } < Self.limit)
    }

    @Test func `options that no handler reads are named once, however many workers there are`() throws {
        let log = RecordedLog()
        _ = try ScriptedJob.run(
            "handler: tests.acking, threads: 3, with: { name: a, nme: b }",
            plugin: plugin.descriptor,
            logger: log.logger
        ) { peer, stop in
            var consumers = 0
            try peer.serveSupervisor(awaiting: 4) { frame in
                if frame.methodID == .basicConsume {
                    consumers += 1
                    if consumers == 3 { stop() }
                }
                return false
            }
        }
        let lines = log.lines("the handler does not read an option of its 'with'")
        #expect(lines.map { $0["option"] } == ["nme"])
        #expect(lines.map { $0["job"] } == ["work"])
    }
}
