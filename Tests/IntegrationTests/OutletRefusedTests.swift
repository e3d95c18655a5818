import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes what it gets.
private struct Echo: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try context.publish(message.bodyBytes, routingKey: "out")
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.echo", Echo.self)])

/// `publishing: separate`, and a broker that has room for one connection at first.
@Suite(.ownThread, .timeLimit(.minutes(10)))
struct OutletRefusedTests {
    @Test func `a connection for outputs that is refused at first is tried again until it is there`() throws {
        let refused = Monitor(0)
        try PeerListener.runEach { number, peer in
            if number > 1, number < 5 {
                try peer.refuseOpen(.notAllowed, "NOT_ALLOWED - user 'guest' may not do this")
                refused.withLock { $0 += 1 }
                return
            }
            var published = false
            try peer.serveSupervisor { frame in
                switch frame.methodID {
                case .basicConsume:
                    try peer.startConsumer(frame, messages: 1)
                    return true
                case .basicNack, .basicAck: return true
                case .basicPublish:
                    published = true
                    return true
                default:
                    guard frame.type == Frame.body, published else { return frame.type != Frame.method }
                    try peer.send(BasicAck(deliveryTag: 1), on: frame.channel)
                    return true
                }
            }
        } client: { endpoint in
            let text = """
                version: 1
                connection:
                  uri: "amqp://127.0.0.1:\(endpoint.port)"
                  publishing: separate
                  recovery: { initial_interval: 20ms, max_interval: 20ms }
                jobs: { work: { queue: q, handler: tests.echo } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            let status = try supervisor.whileRunning {
                let deadline = MonotonicClock.now() &+ 60_000_000_000
                while !supervisor.readiness.isReady, MonotonicClock.now() < deadline {
                    Busy.block(for: .milliseconds(1))
                }
                #expect(supervisor.readiness.isReady)
            }
            #expect(status == .clean)
        }
        #expect(refused.withLock { $0 } == 3)
    }
}
