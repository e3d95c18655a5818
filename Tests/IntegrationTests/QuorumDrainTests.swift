import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// How often each message was handled, by the job's name.
private let handled = Monitor<[String: [String: Int]]>([:])

/// Notes what it gets.
private struct Noting: JobHandler {
    private let name: String
    init(_ options: HandlerOptions) throws { self.name = try options.string("name") }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        handled.withLock { $0[self.name, default: [:]][text, default: 0] += 1 }
        handled.broadcast()
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.async("tests.noting", Noting.self)])

/// Clean drains of a job on a quorum queue, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct QuorumDrainTests {
    @Test(arguments: [10, 1])
    func `clean drains run no handler twice: a close does not overtake the acks before it`(batch: Int) throws {
        let queue = Broker.unique("quorum.drain")
        let (count, rounds) = (6000, 6)
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues: { \(queue): { type: quorum } }
            jobs:
              work:
                queue: \(queue)
                handler: tests.noting
                threads: 2
                prefetch: 300
                ack: { batch: \(batch) }
                with: { name: \(queue) }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for number in 0..<count { try channel.publish(Array("\(number)".utf8), routingKey: queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        for round in 1...rounds {
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let status = try supervisor.whileRunning {
                let isDone: Void? = handled.wait(until: MonotonicClock.deadline(in: Patience.long)) { handled in
                    handled[queue]?.count ?? 0 >= count * round / rounds ? () : nil
                }
                #expect(isDone != nil)
            }
            #expect(status == .clean)
        }
        let counts = handled.withLock { $0[queue] ?? [:] }
        #expect(counts.count == count)
        #expect(counts.values.count { $0 > 1 } == 0)
        #expect(try channel.deleteQueue(queue) == 0)
    }
}
