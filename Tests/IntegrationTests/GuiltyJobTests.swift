import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Acking: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "guilty", [.sync("guilty.acking", Acking.self)])

/// One job or one queue that makes the broker end the connection that all jobs share.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct GuiltyJobTests {
    private struct Ended: Error {}

    /// A broker that answers everything, and closes the connection over what `isBad` says.
    private static func serve(
        _ peer: ScriptedPeer,
        closing code: ReplyCode,
        _ text: String,
        blames: Bool = true,
        over isBad: (PeerFrame) throws -> Bool
    ) throws {
        do {
            try peer.serveSupervisor { frame in
                guard frame.type == Frame.method, try isBad(frame), let method = frame.methodID else { return false }
                do {
                    try peer.closeConnection(code, text, blaming: blames ? method : nil)
                } catch is PeerFailure {}  // a supervisor that ends meanwhile answers nothing more
                throw Ended()
            }
        } catch is Ended {}
    }

    private static func file(_ endpoint: Endpoint, queues: String = "", threads: Int = 1) throws -> JobFile {
        let text = """
            version: 1
            connection:
              uri: "amqp://127.0.0.1:\(endpoint.port)"
              recovery: { initial_interval: 20ms, max_interval: 20ms }
            \(queues)
            jobs:
              bad: { queue: a, handler: guilty.acking, threads: \(threads) }
              good: { queue: b, handler: guilty.acking, threads: \(threads) }
              other: { queue: c, handler: guilty.acking }
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private static func isConsuming(_ frame: PeerFrame, _ queue: String) throws -> Bool {
        guard frame.methodID == .basicConsume else { return false }
        return try frame.method(BasicConsume.self).queue == queue
    }

    private static func isDeclaring(_ frame: PeerFrame, _ queue: String) throws -> Bool {
        guard frame.methodID == .queueDeclare else { return false }
        return try frame.method(QueueDeclare.self).queue == queue
    }

    private static func failure(_ state: JobState) -> String? {
        guard case .failed(let reason) = state else { return nil }
        return reason
    }

    @Test(arguments: [ReplyCode.notImplemented, .internalError, .notAllowed, .commandInvalid], [true, false])
    func `a job whose consumer ends the connection fails alone, and is named with its queue`(
        code: ReplyCode,
        blames: Bool
    ) throws {
        try PeerListener.runEach { _, peer in
            try Self.serve(peer, closing: code, "no", blames: blames) { frame in
                try Self.isConsuming(frame, "a")
            }
        } client: { endpoint in
            let supervisor = try TestSupervisor(try Self.file(endpoint, threads: 2), [plugin.descriptor])
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait(job: 0) { Self.failure($0.state) != nil })
                #expect(supervisor.wait(job: 1) { $0.consuming == 2 })
                #expect(supervisor.wait(job: 2) { $0.consuming == 1 })
                let reason = supervisor.status.first.flatMap { Self.failure($0.state) } ?? ""
                #expect(reason.contains("queue 'a'") && reason.contains("\(code.rawValue)"))
                #expect(supervisor.readiness.reasons.count == 1)
            }
            #expect(status == .abandoned)
        }
    }

    @Test func `a queue whose declaration ends the connection costs its job alone`() throws {
        try PeerListener.runEach { _, peer in
            try Self.serve(peer, closing: .internalError, "INTERNAL_ERROR - Feature `x` is deprecated") { frame in
                try Self.isDeclaring(frame, "a")
            }
        } client: { endpoint in
            let file = try Self.file(endpoint, queues: "queues: { c: {}, a: { durable: false }, b: {} }")
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            try supervisor.whileRunning {
                #expect(supervisor.wait(job: 0) { Self.failure($0.state) != nil })
                #expect(supervisor.wait(job: 1) { $0.consuming == 1 })
                #expect(supervisor.wait(job: 2) { $0.consuming == 1 })
                let reason = supervisor.status.first.flatMap { Self.failure($0.state) } ?? ""
                #expect(reason.contains("'a'") && reason.contains("541"))
            }
        }
    }

    @Test func `a declaration that a broker in trouble answers with 541 is tried again alone, until it works`() throws {
        let refusals = Monitor(6)
        try PeerListener.runEach { _, peer in
            try Self.serve(peer, closing: .internalError, "INTERNAL_ERROR") { frame in
                guard try Self.isDeclaring(frame, "a") else { return false }
                return refusals.withLock { refusals in
                    refusals -= 1
                    return refusals >= 0
                }
            }
        } client: { endpoint in
            let file = try Self.file(endpoint, queues: "queues: { c: {}, a: {}, b: {} }")
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let status = try supervisor.whileRunning {
                for job in 0...2 { #expect(supervisor.wait(job: job) { $0.consuming == 1 }) }
            }
            #expect(status == .clean)
        }
    }

    @Test(arguments: [ReplyCode.internalError, .connectionForced, .notImplemented])
    func `a fault that passes condemns nobody`(code: ReplyCode) throws {
        let faults = Monitor(1)
        try PeerListener.runEach { _, peer in
            try Self.serve(peer, closing: code, "passing") { frame in
                guard try Self.isConsuming(frame, "a") else { return false }
                return faults.withLock { faults in
                    faults -= 1
                    return faults >= 0
                }
            }
        } client: { endpoint in
            let supervisor = try TestSupervisor(try Self.file(endpoint), [plugin.descriptor])
            let status = try supervisor.whileRunning {
                for job in 0...2 { #expect(supervisor.wait(job: job) { $0.consuming == 1 }) }
            }
            #expect(status == .clean)
        }
    }

    @Test(
        .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
        arguments: ["ack: none, publish: { mode: none }", "consumer_arguments: { x-stream-offset: nope }"]
    )
    func `what a stream's broker refuses a consumer fails its job alone`(job: String) throws {
        let (stream, queue) = (Broker.unique("stream"), Broker.unique("guilty"))
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(stream, arguments: ["x-queue-type": .string("stream")])
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")", recovery: { initial_interval: 20ms, max_interval: 20ms } }
            queues: { \(queue): {} }
            jobs:
              bad: { queue: \(stream), handler: guilty.acking, \(job) }
              good: { queue: \(queue), handler: guilty.acking, threads: 2 }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning {
            #expect(
                supervisor.wait(job: 0) { job in
                    switch job.state {
                    case .failed(let reason): reason.contains("'\(stream)'")
                    // Where the broker ends the channel alone.
                    case .restarting(let reason): reason.contains("406") && reason.contains(stream)
                    case .starting, .running, .paused, .held, .drained: false
                    }
                }
            )
            try channel.publish([1], routingKey: queue)
            #expect(supervisor.wait(job: 1) { $0.counts.acked == 1 && $0.consuming == 2 })
        }
        for name in [stream, queue] { try channel.deleteQueue(name) }
    }

    @Test func `where the broker allows fewer channels than jobs want, those that have one work`() throws {
        let text =
            "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (5)"
        try PeerListener.runEach { _, peer in
            var open: Set<UInt16> = []
            do {
                try peer.serveSupervisor { frame in
                    switch frame.methodID {
                    case .channelClose: open.remove(frame.channel)
                    case .channelOpen:
                        open.insert(frame.channel)
                        guard open.count > 4 else { break }
                        try peer.closeConnection(.notAllowed, text)
                        throw Ended()
                    default: break
                    }
                    return false
                }
            } catch is Ended {}
        } client: { endpoint in
            let supervisor = try TestSupervisor(try Self.file(endpoint), [plugin.descriptor])
            try supervisor.whileRunning {
                let isThere: (JobStatus) -> Bool = { $0.consuming == 1 }
                let deadline = MonotonicClock.now() &+ 60_000_000_000
                while supervisor.status.count(where: isThere) < 2, MonotonicClock.now() < deadline {
                    Busy.block(for: .milliseconds(1))
                }
                #expect(supervisor.status.count(where: isThere) >= 2)
                #expect(supervisor.status.allSatisfy { Self.failure($0.state) == nil })
            }
        }
    }
}
