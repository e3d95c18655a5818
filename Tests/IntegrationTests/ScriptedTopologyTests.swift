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

private let plugin = MillracePlugin(name: "topology", [.sync("topology.acking", Acking.self)])

/// What a broker says about exchanges, queues and bindings, at the start and later, and what becomes of their job.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct ScriptedTopologyTests {
    private struct Ended: Error {}

    /// What was asked of the broker, in a word each.
    private final class Asked: Sendable {
        private let words = Monitor<[String]>([])

        func note(_ frame: PeerFrame) throws {
            let word: String? =
                switch frame.methodID {
                case .exchangeDeclare: "exchange \(try frame.method(ExchangeDeclare.self).exchange)"
                case .exchangeBind: "bind exchange \(try frame.method(ExchangeBind.self).destination)"
                case .queueBind: "bind \(try frame.method(QueueBind.self).queue)"
                case .basicConsume: "consume"
                case .queueDeclare: try Self.word(try frame.method(QueueDeclare.self))
                default: nil
                }
            if let word { self.words.withLock { $0.append(word) } }
        }

        private static func word(_ declare: QueueDeclare) throws -> String? {
            if declare.queue.contains(".delay.") { return nil }
            return declare.passive ? "look at \(declare.queue)" : "queue \(declare.queue)"
        }

        var all: [String] { self.words.withLock { $0 } }
    }

    /// Answers what a supervisor's topology asks, too.
    private static func serve(
        _ peer: ScriptedPeer,
        _ asked: Asked = Asked(),
        _ handle: (PeerFrame) throws -> Bool
    ) throws {
        do {
            try peer.serveSupervisor { frame in
                try asked.note(frame)
                if try handle(frame) { return true }
                switch frame.methodID {
                case .exchangeDeclare: try peer.send(ExchangeDeclareOk(), on: frame.channel)
                case .exchangeBind: try peer.send(ExchangeBindOk(), on: frame.channel)
                case .queueBind: try peer.send(QueueBindOk(), on: frame.channel)
                case .channelCloseOk: break
                default: return false
                }
                return true
            }
        } catch is Ended {}
    }

    private static func refuse(_ peer: ScriptedPeer, _ frame: PeerFrame, _ code: ReplyCode, _ text: String) throws {
        let method = frame.methodID
        let close = ChannelClose(
            replyCode: code,
            replyText: text,
            classID: method?.classID ?? 0,
            methodID: method?.methodID ?? 0
        )
        try peer.send(close, on: frame.channel)
    }

    private static func file(_ endpoint: Endpoint, _ text: String = "queues: { q: {} }", uri: String? = nil) throws
        -> JobFile
    {
        let text = """
            version: 1
            connection:
              uri: "\(uri ?? "amqp://127.0.0.1:\(endpoint.port)")"
              recovery: { initial_interval: 20ms, max_interval: 20ms }
            \(text)
            jobs: { work: { queue: q, handler: topology.acking } }
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private static let locked =
        "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on"
        + " another connection or the exclusive property value does not match that of the original declaration."

    @Test func `a queue that a dying predecessor still has is waited for at the first start, and named`() throws {
        let isLocked = Monitor(true)
        try PeerListener.run { peer in
            try Self.serve(peer) { frame in
                guard frame.methodID == .queueDeclare, isLocked.withLock({ $0 }),
                    try frame.method(QueueDeclare.self).queue == "q"
                else { return false }
                try Self.refuse(peer, frame, .resourceLocked, Self.locked)
                return true
            }
        } client: { endpoint in
            let file = try Self.file(endpoint, "queues: { q: { exclusive: true } }")
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.reason?.contains("405") == true && $0.state.description == "restarting" })
                #expect(supervisor.readiness.reasons.contains { $0.contains("job 'work'") && $0.contains("405") })
                isLocked.withLock { $0 = false }
                #expect(supervisor.wait { $0.consuming == 1 && $0.reason == nil })
            }
            #expect(status == .clean)
        }
    }

    @Test func `a queue that differs fails its job, however late the broker says so`() throws {
        let text = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/'"
        let held = Monitor<PeerFrame?>(nil)
        let isAnswered = Monitor(false)
        try PeerListener.run { peer in
            try Self.serve(peer) { frame in
                guard frame.methodID == .queueDeclare else { return false }
                let name = try frame.method(QueueDeclare.self).queue
                if name == "q", held.withLock({ $0 }) == nil {
                    held.withLock { $0 = frame }
                    return true
                }
                // Jobs have started: whoever brings waiting messages back asks for its queues.
                if name.contains(".delay."), !isAnswered.withLock({ $0 }), let first = held.withLock({ $0 }) {
                    isAnswered.withLock { $0 = true }
                    try Self.refuse(peer, first, .preconditionFailed, text)
                }
                guard name == "q" else { return false }
                try Self.refuse(peer, frame, .preconditionFailed, text)
                return true
            }
        } client: { endpoint in
            let supervisor = try TestSupervisor(try Self.file(endpoint), [plugin.descriptor])
            #expect(supervisor.run() == .configuration)
            #expect(supervisor.status.first?.reason?.contains("406") == true)
            #expect(supervisor.counts.received == 0)
        }
    }

    @Test func `a job whose channel ends again and again is restarting, with the reason, in between too`() throws {
        let running = Monitor<TestSupervisor?>(nil)
        // As each further channel of the worker's asks, and has no answer yet.
        let states = Monitor<[String]>([])
        try PeerListener.run { peer in
            try Self.serve(peer) { frame in
                guard frame.methodID == .queueDeclare, try frame.method(QueueDeclare.self).queue == "q" else {
                    return false
                }
                if let job = running.withLock({ $0 })?.status.first {
                    states.withLock { $0.append("\(job.state), \(job.reason?.contains("405") == true)") }
                    states.signal()
                }
                try Self.refuse(peer, frame, .resourceLocked, Self.locked)
                return true
            }
        } client: { endpoint in
            let file = try Self.file(endpoint, "queues: { q: { exclusive: true } }")
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.state.description == "restarting" })
                running.withLock { $0 = supervisor }
                let deadline = MonotonicClock.deadline(in: Patience.long)
                #expect(states.wait(until: deadline) { $0.count >= 20 ? true : nil } == true)
            }
        }
        #expect(Set(states.withLock { $0 }) == ["restarting, true"])
    }

    private static let bound = "queues: { q: { bindings: [ { exchange: x } ] } }"

    @Test func `a binding that is refused is tried again, and nobody consumes without it`() throws {
        let (asked, refusals) = (Asked(), Monitor(3))
        try PeerListener.run { peer in
            try Self.serve(peer, asked) { frame in
                guard frame.methodID == .queueBind else { return false }
                let isRefused = refusals.withLock { refusals in
                    refusals -= 1
                    return refusals >= 0
                }
                if isRefused { try Self.refuse(peer, frame, .notFound, "NOT_FOUND - no exchange 'x' in vhost '/'") }
                return isRefused
            }
        } client: { endpoint in
            let supervisor = try TestSupervisor(try Self.file(endpoint, Self.bound), [plugin.descriptor])
            let status = try supervisor.whileRunning { #expect(supervisor.wait { $0.consuming == 1 }) }
            #expect(status == .clean)
        }
        #expect(asked.all.filter { $0 == "bind q" }.count == 4)
        #expect(asked.all.last == "consume")
        #expect(asked.all.filter { $0 == "consume" }.count == 1)
    }

    @Test func `the same after a lost connection`() throws {
        let (asked, refusals) = (Asked(), Monitor(2))
        try PeerListener.runEach { number, peer in
            try Self.serve(peer, number == 1 ? Asked() : asked) { frame in
                if number == 1 {
                    guard frame.methodID == .basicConsume else { return false }
                    try peer.closeConnection(.connectionForced, "CONNECTION_FORCED - broker forced connection closure")
                    throw Ended()
                }
                guard frame.methodID == .queueBind else { return false }
                let isRefused = refusals.withLock { refusals in
                    refusals -= 1
                    return refusals >= 0
                }
                if isRefused { try Self.refuse(peer, frame, .notFound, "NOT_FOUND - no exchange 'x' in vhost '/'") }
                return isRefused
            }
        } client: { endpoint in
            let supervisor = try TestSupervisor(try Self.file(endpoint, Self.bound), [plugin.descriptor])
            let status = try supervisor.whileRunning { #expect(supervisor.wait { $0.consuming == 1 }) }
            #expect(status == .clean)
        }
        #expect(asked.all.filter { $0 == "bind q" }.count == 3)
        #expect(asked.all.filter { $0 == "consume" }.count == 1)
        #expect(asked.all.last == "consume")
    }

    /// A broker that deletes the queue under its first consumer.
    private static func deleteQueue(_ peer: ScriptedPeer, _ frame: PeerFrame, _ isDeleted: Monitor<Bool>) throws -> Bool
    {
        guard frame.methodID == .basicConsume, !isDeleted.withLock({ $0 }) else { return false }
        let tag = try frame.method(BasicConsume.self).consumerTag
        try peer.send(BasicConsumeOk(consumerTag: tag), on: frame.channel)
        try peer.send(BasicCancel(consumerTag: tag, noWait: true), on: frame.channel)
        isDeleted.withLock { $0 = true }
        return true
    }

    @Test func `a queue that comes back as another one is kept while the job runs, and bound`() throws {
        let (asked, isDeleted) = (Asked(), Monitor(false))
        try PeerListener.run { peer in
            try Self.serve(peer, asked) { frame in
                if try Self.deleteQueue(peer, frame, isDeleted) { return true }
                guard frame.methodID == .queueDeclare, isDeleted.withLock({ $0 }) else { return false }
                let declare = try frame.method(QueueDeclare.self)
                guard declare.queue == "q", !declare.passive else { return false }
                try Self.refuse(
                    peer,
                    frame,
                    .preconditionFailed,
                    "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is"
                        + " 'false'"
                )
                return true
            }
        } client: { endpoint in
            let text = "queues: { q: { on_mismatch: keep, bindings: [ { exchange: x } ] } }"
            let supervisor = try TestSupervisor(try Self.file(endpoint, text), [plugin.descriptor])
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 && asked.all.count { $0 == "consume" } == 2 })
            }
            #expect(status == .clean)
        }
        #expect(asked.all == ["queue q", "bind q", "consume", "queue q", "look at q", "bind q", "consume"])
    }

    @Test func `an exchange that goes with its queue is declared again with it`() throws {
        let (asked, isDeleted) = (Asked(), Monitor(false))
        try PeerListener.run { peer in
            try Self.serve(peer, asked) { frame in try Self.deleteQueue(peer, frame, isDeleted) }
        } client: { endpoint in
            let text = """
                exchanges:
                  near: { auto_delete: true, bindings: [ { exchange: far } ] }
                  far: {}
                queues: { q: { bindings: [ { exchange: near } ] } }
                """
            let supervisor = try TestSupervisor(try Self.file(endpoint, text), [plugin.descriptor])
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 && asked.all.count { $0 == "consume" } == 2 })
            }
            #expect(status == .clean)
        }
        let once = ["exchange near", "exchange far", "bind exchange near", "queue q", "bind q", "consume"]
        #expect(asked.all == once + once)
    }

    @Test func `a late answer is one: nobody asks a second time meanwhile, and a drain does not wait for it`() throws {
        let (asked, log) = (Asked(), RecordedLog())
        try PeerListener.runEach { number, peer in
            var held: PeerFrame?
            try Self.serve(peer, asked) { frame in
                if frame.methodID == .basicConsume, let late = held, number == 1 {
                    // The other job's: people have heard of it, and then the node is back.
                    #expect(log.wait(for: "can not be declared yet; it is tried again and again, and the others run"))
                    try peer.send(QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0), on: late.channel)
                    held = nil
                }
                guard frame.methodID == .queueDeclare, try frame.method(QueueDeclare.self).queue == "q" else {
                    return false
                }
                held = frame
                return true
            }
        } client: { endpoint in
            var file = try Self.file(endpoint, "queues: { q: {}, p: {} }")
            var other = try #require(file.jobs.first)
            (other.name, other.queue) = ("other", "p")
            file.jobs.append(other)
            let supervisor = try TestSupervisor(file, [plugin.descriptor], logger: log.logger)
            let status = try supervisor.whileRunning {
                for job in 0...1 { #expect(supervisor.wait(job: job) { $0.consuming == 1 }) }
            }
            #expect(status == .clean)
            #expect(asked.all.filter { $0 == "queue q" }.count == 1)
            // A broker that never says it.
            let second = try TestSupervisor(file, [plugin.descriptor])
            let began = MonotonicClock.now()
            let end = try second.whileRunning { #expect(second.wait(job: 1) { $0.consuming == 1 }) }
            #expect(end == .clean)
            #expect(MonotonicClock.now() &- began < 20_000_000_000)
        }
    }

    @Test func `where outputs go is tried again beside the jobs, until it is there`() throws {
        let (log, refusals) = (RecordedLog(), Monitor(2))
        try PeerListener.run { peer in
            try Self.serve(peer) { frame in
                guard frame.methodID == .queueDeclare, try frame.method(QueueDeclare.self).queue == "out" else {
                    return false
                }
                let isRefused = refusals.withLock { refusals in
                    refusals -= 1
                    return refusals >= 0
                }
                guard isRefused else { return false }
                try Self.refuse(
                    peer,
                    frame,
                    .notFound,
                    "NOT_FOUND - home node 'a@b' of durable queue 'out' in vhost '/' is down or inaccessible"
                )
                return true
            }
        } client: { endpoint in
            let file = try Self.file(endpoint, "queues: { q: {}, out: {} }")
            let supervisor = try TestSupervisor(file, [plugin.descriptor], logger: log.logger)
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                #expect(log.wait(for: "declared after all"))
            }
            #expect(status == .clean)
        }
        let missing = log.lines("can not be declared yet; it is tried again and again, and the others run")
        #expect(missing.compactMap { $0["name"] } == ["queue 'out'"])
        #expect(missing.first?["reason"]?.contains("wait for that one to come back") == true)
    }

    @Test func `a broker that takes connections and answers nothing is left for another one`() throws {
        let log = RecordedLog()
        try PeerListener.runEach { number, peer in
            if number > 1 { return try Self.serve(peer) { _ in false } }
            try peer.handshake()
            while true {
                let frame = try peer.next()
                if frame.methodID == .connectionClose { break }
                if frame.methodID == .channelOpen { try peer.send(ChannelOpenOk(), on: frame.channel) }
            }
            try peer.send(ConnectionCloseOk(), on: 0)
            try peer.expectEnd()
        } client: { endpoint in
            let supervisor = try TestSupervisor(try Self.file(endpoint), [plugin.descriptor], logger: log.logger)
            let status = try supervisor.whileRunning { #expect(supervisor.wait { $0.consuming == 1 }) }
            #expect(status == .clean)
        }
        let reason = log.lines("no connection").first?["reason"]
        #expect(reason?.contains("answers no declaration") == true, "\(reason ?? "")")
    }

    // MARK: The connection itself

    @Test func `a virtual host that is full at the first start is waited for, and named`() throws {
        let text = "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached"
        let isFull = Monitor(true)
        try PeerListener.runEach { _, peer in
            if isFull.withLock({ $0 }) { return try peer.refuseOpen(.notAllowed, text) }
            try Self.serve(peer) { _ in false }
        } client: { endpoint in
            let supervisor = try TestSupervisor(try Self.file(endpoint), [plugin.descriptor])
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.reason?.contains("connection limit (1) is reached") == true })
                #expect(supervisor.readiness.reasons.contains { $0.contains("connection limit (1) is reached") })
                isFull.withLock { $0 = false }
                #expect(supervisor.wait { $0.consuming == 1 })
                #expect(supervisor.readiness.isReady)
            }
            #expect(status == .clean)
        }
    }

    private static let badLogin = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."

    @Test func `a wrong password at the first start is the end, and a matter of permission`() throws {
        try PeerListener.run { peer in
            try peer.greet()
            try peer.closeConnection(.accessRefused, Self.badLogin)
        } client: { endpoint in
            let supervisor = try TestSupervisor(try Self.file(endpoint), [plugin.descriptor])
            #expect(supervisor.run() == .noPermission)
        }
    }

    @Test func `a password that has changed is read again, at the first start and later`() throws {
        let secret = Monitor("new")
        let file: @Sendable (Endpoint) throws -> JobFile = { endpoint in
            let password = secret.withLock { $0 }
            return try Self.file(endpoint, uri: "amqp://ann:\(password)@127.0.0.1:\(endpoint.port)")
        }
        let cut = Latch()
        let consumed = Monitor(0)
        try PeerListener.runEach { number, peer in
            let response = try peer.greet().response
            guard response == Array("\0ann\0\(number > 2 ? "newer" : "new")".utf8) else {
                return try peer.closeConnection(.accessRefused, Self.badLogin)
            }
            try peer.send(ConnectionTune(channelMax: 2047, frameMax: 8192, heartbeat: 0), on: 0)
            try peer.expect(ConnectionTuneOk.self, on: 0)
            try peer.expect(ConnectionOpen.self, on: 0)
            try peer.send(ConnectionOpenOk(), on: 0)
            do {
                try peer.serveOpenSupervisor { frame in
                    guard frame.methodID == .basicConsume else { return false }
                    consumed.withLock { $0 += 1 }
                    guard number == 2 else { return false }
                    _ = cut.wait()
                    try peer.closeConnection(.connectionForced, "CONNECTION_FORCED - broker forced connection closure")
                    throw Ended()
                }
            } catch is Ended {}
        } client: { endpoint in
            let old = try Self.file(endpoint, uri: "amqp://ann:old@127.0.0.1:\(endpoint.port)")
            let supervisor = try TestSupervisor(
                old,
                [plugin.descriptor],
                renewConnection: { try? file(endpoint).connection }
            )
            let status = try supervisor.whileRunning {
                secret.withLock { $0 = "new" }
                let deadline = MonotonicClock.now() &+ 60_000_000_000
                while consumed.withLock({ $0 }) == 0, MonotonicClock.now() < deadline {
                    Busy.block(for: .milliseconds(1))
                }
                secret.withLock { $0 = "newer" }
                cut.open()
                #expect(supervisor.wait { $0.consuming == 1 })
            }
            #expect(status == .clean)
        }
    }

    @Test func `the connection for outputs is named while it is not there, and tried again like the other`() throws {
        let text = "NOT_ALLOWED - access to vhost '/' refused for user 'guest'"
        let isShut = Monitor(true)
        try PeerListener.runEach { number, peer in
            if number > 1, isShut.withLock({ $0 }) { return try peer.refuseOpen(.notAllowed, text) }
            try Self.serve(peer) { _ in false }
        } client: { endpoint in
            let line = "amqp://127.0.0.1:\(endpoint.port)\"\n  publishing: separate\n  name: \"two"
            let supervisor = try TestSupervisor(try Self.file(endpoint, uri: line), [plugin.descriptor])
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                let isNamed: () -> Bool = {
                    supervisor.readiness.reasons.contains { $0.contains("no connection for outputs: 530") }
                }
                let deadline = MonotonicClock.now() &+ 60_000_000_000
                while !isNamed(), MonotonicClock.now() < deadline { Busy.block(for: .milliseconds(1)) }
                #expect(isNamed())
                isShut.withLock { $0 = false }
                while !supervisor.readiness.isReady, MonotonicClock.now() < deadline {
                    Busy.block(for: .milliseconds(1))
                }
                #expect(supervisor.readiness.isReady)
            }
            #expect(status == .clean)
        }
    }
}
