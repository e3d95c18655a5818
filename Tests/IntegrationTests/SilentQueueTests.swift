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

private let plugin = MillracePlugin(name: "silent", [.sync("silent.acking", Acking.self)])

/// Queues about which a broker says nothing, as RabbitMQ 4.3 does while their node is down.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct SilentQueueTests {
    /// Answers nothing about some queues, nor on channels that have asked for one.
    private struct Silence {
        var frames: [PeerFrame] = []
        private var closing: Set<UInt16> = []

        mutating func swallows(_ frame: PeerFrame) throws -> Bool {
            if frame.methodID == .channelClose, self.frames.contains(where: { $0.channel == frame.channel }) {
                self.closing.insert(frame.channel)
                return true
            }
            guard frame.methodID == .queueDeclare else { return false }
            guard try frame.method(QueueDeclare.self).queue.hasPrefix("down") else { return false }
            self.frames.append(frame)
            return true
        }

        /// The node is there again.
        mutating func end(_ peer: ScriptedPeer) throws {
            for frame in self.frames {
                if self.closing.contains(frame.channel) {
                    try peer.send(ChannelCloseOk(), on: frame.channel)
                } else {
                    let name = try frame.method(QueueDeclare.self).queue
                    try peer.send(QueueDeclareOk(queue: name, messageCount: 0, consumerCount: 0), on: frame.channel)
                }
            }
            self.frames = []
        }
    }

    private static let missing = "can not be declared yet; it is tried again and again, and the others run"

    @Test func `declarations without an answer hold up their own jobs alone, and those until it comes`() throws {
        let log = RecordedLog()
        try PeerListener.run { peer in
            var silence = Silence()
            var isSilent = true
            var seen: Set<String> = []
            try peer.serveSupervisor { frame in
                let isSwallowed = try isSilent && silence.swallows(frame)
                switch frame.methodID {
                case .basicConsume: seen.insert(try frame.method(BasicConsume.self).queue)
                case .queueDeclare: seen.insert(try frame.method(QueueDeclare.self).queue)
                default: break
                }
                // The other jobs, and whoever brings back what waits for them; and people have heard of it.
                let others = ["up", "free"] + ["0s", "1s", "16s", "256s"].map { "up.delay.\($0)" }
                if isSilent, seen.isSuperset(of: others) {
                    #expect(log.wait(for: Self.missing, count: 3))
                    isSilent = false
                    try silence.end(peer)
                }
                return isSwallowed
            }
        } client: { endpoint in
            let text = """
                version: 1
                connection: { uri: "amqp://127.0.0.1:\(endpoint.port)" }
                queues: { down.1: {}, down.2: {}, down.3: {}, up: {} }
                jobs:
                  one: { queue: down.1, handler: silent.acking }
                  two: { queue: down.2, handler: silent.acking }
                  three: { queue: down.3, handler: silent.acking }
                  four: { queue: up, handler: silent.acking }
                  five: { queue: free, handler: silent.acking }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin.descriptor], logger: log.logger)
            let status = try supervisor.whileRunning {
                for job in 0...4 { #expect(supervisor.wait(job: job) { $0.consuming == 1 }, "job \(job)") }
            }
            #expect(status == .clean)
        }
        let open = log.lines(Self.missing)
        #expect(Set(open.compactMap { $0["name"] }) == ["queue 'down.1'", "queue 'down.2'", "queue 'down.3'"])
    }

    @Test func `a queue whose node is down is no queue that is missing: its job waits for it`() throws {
        let answers = Monitor(0)
        try PeerListener.run { peer in
            try peer.serveSupervisor { frame in
                if frame.methodID == .channelCloseOk { return true }
                guard frame.methodID == .queueDeclare, try frame.method(QueueDeclare.self).queue == "q" else {
                    return false
                }
                let count = answers.withLock { answers in
                    answers += 1
                    return answers
                }
                guard count <= 3 else { return false }
                let text =
                    "NOT_FOUND - home node 'a@b' of durable queue 'q' in vhost '/' is down or inaccessible"
                let close = ChannelClose(replyCode: 404, replyText: text, classID: 50, methodID: 10)
                try peer.send(close, on: frame.channel)
                return true
            }
        } client: { endpoint in
            let text = """
                version: 1
                connection:
                  uri: "amqp://127.0.0.1:\(endpoint.port)"
                  recovery: { initial_interval: 20ms, max_interval: 20ms }
                queues: { q: {} }
                jobs: { work: { queue: q, handler: silent.acking } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let status = try supervisor.whileRunning { #expect(supervisor.wait { $0.consuming == 1 }) }
            #expect(status == .clean)
        }
    }
}
