import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Notes its tick and stays until the gate opens.
private struct Staying: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        self.gate.note(message.messageID ?? "")
        self.gate.stayUntilOpen()
        return .ack
    }
}

private let plugin = MillracePlugin(name: "one", [.sync("one.staying", Staying.self)])

/// What the guide to schedules says of one run at a time, which the broker keeps for all supervisors together.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct OneRunAtATimeTests {
    @Test func `ticks that come while the last one is in hand are left out, whichever supervisor has it`() throws {
        let name = Broker.unique("onerun")
        let gate = gateNamed(name)
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues:
              \(name): { type: classic, single_active_consumer: true, message_ttl: 0s }
            jobs:
              sync: { queue: \(name), handler: one.staying, threads: 1, prefetch: 1, with: { gate: \(name) } }
            schedules:
              \(name): { every: 1s, queue: \(name) }

            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let (log, other) = (RecordedLog(), RecordedLog())
        let first = try TestSupervisor(file, [plugin.descriptor], logger: log.logger)
        let second = try TestSupervisor(file, [plugin.descriptor], logger: other.logger)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try first.whileRunning {
            #expect(first.wait { $0.consuming == 1 })
            try second.whileRunning {
                defer { gate.open() }
                #expect(second.wait { $0.consuming == 1 })
                #expect(gate.wait { $0.count == 1 })
                // Whoever of both leads: the ticks go on.
                func ticks() -> [String] { (log.lines("tick") + other.lines("tick")).compactMap { $0["id"] } }
                let deadline = MonotonicClock.now() &+ 60_000_000_000
                func ticksAfterFirst() -> Int {
                    guard let start = gate.begun.first else { return 0 }
                    return ticks().count { $0 > start }
                }
                while ticksAfterFirst() < 4, MonotonicClock.now() < deadline {
                    _ = channel.pump(until: MonotonicClock.now() &+ 100_000_000)
                }
                #expect(gate.begun.count == 1, "one run at a time, though \(ticks())")
                let seen = ticks().sorted()
                gate.open()
                #expect(gate.wait { $0.count >= 2 })
                let begun = gate.begun
                #expect(begun[1] > seen[seen.count - 2], "\(begun) after \(seen): those between are gone")
            }
        }
        #expect(try channel.declareQueue(name, passive: true).messageCount == 0, "nothing has piled up")
        for queue in [name] + file.schedules.map(\.clockQueue) + delayQueues(of: name) {
            try channel.deleteQueue(queue)
        }
    }
}
