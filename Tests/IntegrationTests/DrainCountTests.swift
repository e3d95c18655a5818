import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Takes long enough for a drain to meet messages that are not begun; stays with one that says so.
private struct Working: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate", default: "none")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        if message.bodyText == "stay" { self.gate.stayUntilOpen() }
        Busy.block(for: .milliseconds(1))
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.counted", Working.self)])

/// What a drain says that it gave back, and what the broker says that it gave out again.
@Suite(
    .ownThread,
    .enabled(if: Broker.control != nil, "needs the broker that ops/test starts"),
    .timeLimit(.minutes(10))
)
struct DrainCountTests {
    @Test func `what is done is counted while there is always more to be done`() throws {
        let queue = Broker.unique("counted")
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues: { \(queue): {} }
            jobs: { work: { queue: \(queue), handler: tests.counted, prefetch: 40, with: { gate: \(queue) } } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        // Its worker does not once come to the end of what there is.
        for number in 0..<1000 {
            try channel.publish(Array((number == 700 ? "stay" : "\(number)").utf8), routingKey: queue)
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning {
            defer { gateNamed(queue).open() }
            #expect(supervisor.wait { $0.counts.acked >= 500 })
            #expect(supervisor.counts.acked <= 700)
            gateNamed(queue).open()
            #expect(supervisor.wait { $0.counts.acked == 1000 })
        }
        for name in [queue] + delayQueues(of: queue) { try channel.deleteQueue(name) }
    }

    /// A quorum queue also calls a redelivery what it had handed out to a channel that never sent it.
    @Test(arguments: ["classic", "quorum"])
    func `over 100 drains the broker redelivers what was given back, message for message`(type: String) throws {
        let control = try #require(Broker.control)
        // Tracing is for a whole virtual host.
        let host = Broker.unique("counted")
        try control.run("add_vhost", host)
        defer { _ = try? control.run("delete_vhost", host) }
        try control.run("set_permissions", "-p", host, "guest", ".*", ".*", ".*")
        try control.run("trace_on", "-p", host)
        let uri = try #require(Broker.uri)
        let own = String(uri[..<(try #require(uri.lastIndex(of: "/")))]) + "/" + host
        let text = """
            version: 1
            connection: { uri: "\(own)" }
            queues: { q: { type: \(type) } }
            jobs: { work: { queue: q, handler: tests.counted, threads: 2, prefetch: 40 } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect(to: Endpoint(uri: own))
        defer { connection.close() }
        let channel = try connection.openChannel()
        let firehose = try Firehose(channel)
        try channel.selectConfirms()
        let (drains, messages) = (100, 20_000)
        for number in 0..<messages { try channel.publish(Array("\(number)".utf8), routingKey: "q") }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        var counted: [String: Firehose.Count] = [:]
        var acked = 0
        var givenBack = 0
        for round in 1...drains {
            // The last one works off what is left; the others are stopped at work, as long as there is enough of it.
            let isLast = round == drains
            guard isLast || messages - acked > 2_000 else { continue }
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let status = try supervisor.whileRunning {
                let enough = isLast ? messages - acked : 1 + round % 20
                // What comes to a thread that has no answer to its consume yet is nobody's.
                #expect(supervisor.wait { $0.counts.acked >= enough && $0.consuming == 2 })
            }
            #expect(status == .clean)
            acked += supervisor.counts.acked
            givenBack += supervisor.counts.givenBack
            try firehose.read(into: &counted)
        }
        #expect(acked == messages)
        // The copies of the last deliveries may be on their way.
        let deadline = MonotonicClock.now() + Patience.long.nanoseconds
        while counted["q"]?.deliveries ?? 0 < acked + givenBack, MonotonicClock.now() < deadline {
            try firehose.read(into: &counted, pause: .milliseconds(20))
        }
        let count = try #require(counted["q"])
        // What is left goes back by the channel's end where the broker counts a nack: what a quorum queue had handed to
        // the channel and the channel not yet sent never came.
        let isExact = type == "classic" || !channel.brokerVersion.countsNacks
        #expect(isExact ? count.deliveries == acked + givenBack : count.deliveries >= acked + givenBack)
        #expect(type == "classic" ? count.redelivered == givenBack : count.redelivered >= givenBack)
        #expect(givenBack > 0, "no drain met a message that was not begun")
    }
}
