import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Idle: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "killed", [.sync("killed.idle", Idle.self)])

extension OwnBrokerTests {
    struct KilledBrokerScheduleTests {
        /// How many ticks lie in their queue; nil while the broker can not be asked.
        private static func count(_ node: OwnBroker.Node) -> Int? {
            guard let connection = try? Broker.connect(to: node.endpoint) else { return nil }
            defer { connection.close() }
            return try? connection.openChannel().declareQueue("killed.ticks", passive: true).messageCount
        }

        @Test
        func `the broker killed again and again: no tick is missing, and of one that is there twice both have one id`()
            async throws
        {
            try await OwnBrokerTests.run { _, node in
                let text = """
                    version: 1
                    connection:
                      uri: "amqp://\(node.endpoint.host):\(node.endpoint.port)"
                      recovery: { initial_interval: 50ms, max_interval: 500ms }
                    queues: { killed.ticks: {}, killed.work: {} }
                    jobs: { work: { queue: killed.work, handler: killed.idle } }
                    schedules: { killed: { every: 1s, queue: killed.ticks, catch_up: all } }
                    """
                let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
                let supervisor = try TestSupervisor(file, [plugin.descriptor])
                try supervisor.whileRunning {
                    var before = 0
                    for round in 0...3 {
                        #expect(Patience.sees { Self.count(node).map { $0 >= before + 3 } ?? false })
                        before = Self.count(node) ?? before
                        guard round < 3 else { break }
                        try node.control("eval", node.profile.metadata.sync)
                        try node.killAndStart()
                    }
                }
                let connection = try Broker.connect(to: node.endpoint)
                defer { connection.close() }
                let channel = try connection.openChannel()
                var ids: [Int64: Set<String>] = [:]
                var count = 0
                while let delivery = try channel.get("killed.ticks", noAck: true) {
                    let properties = delivery.legibleProperties
                    guard case .int64(let time)? = properties.headers?["millrace-tick"] else { continue }
                    ids[time, default: []].insert(properties.messageID ?? "")
                    count += 1
                }
                let times = ids.keys.sorted()
                #expect(times == (0..<times.count).map { (times.first ?? 0) + Int64($0) * 1000 }, "\(times)")
                #expect(ids.values.allSatisfy { $0.count == 1 })
                print("the broker killed 3 times: \(count) ticks, \(count - times.count) twice")
                for queue in ["killed.ticks", "killed.work", "millrace.clock.killed"] { try channel.deleteQueue(queue) }
            }
        }
    }
}
