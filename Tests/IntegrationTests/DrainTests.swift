import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Accepting: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.accepting", Accepting.self)])

/// A drain that comes at a bad moment, against a scripted broker.
@Suite(.ownThread, .timeLimit(.minutes(5)))
struct DrainTests {
    private static let messages: UInt64 = 3

    @Test func `without acks a drain waits for consume-ok, and works off what comes with it`() throws {
        let running = Monitor<TestSupervisor?>(nil)
        let counts = try PeerListener.run { peer in
            try Self.answer(peer) { running.withLock { $0 }?.stop() }
        } client: { endpoint -> JobCounts in
            let text = """
                version: 1
                connection: { uri: "amqp://127.0.0.1:\(endpoint.port)" }
                jobs: { work: { queue: q, handler: tests.accepting, ack: none, publish: { mode: none } } }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            running.withLock { $0 = supervisor }
            #expect(supervisor.run() == .clean)
            return supervisor.counts
        }
        #expect(counts.acked == Int(Self.messages))
    }

    /// A broker that answers everything, and `basic.consume` only when the drain has begun.
    private static func answer(_ peer: ScriptedPeer, stop: () -> Void) throws {
        try peer.handshake()
        while true {
            let frame = try peer.next()
            let channel = frame.channel
            switch frame.methodID {
            case .channelOpen: try peer.send(ChannelOpenOk(), on: channel)
            case .channelClose: try peer.send(ChannelCloseOk(), on: channel)
            case .queueDeclare:
                try peer.send(QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0), on: channel)
            case .basicQos: try peer.send(BasicQosOk(), on: channel)
            case .basicConsume:
                let tag = try frame.method(BasicConsume.self).consumerTag
                stop()
                // A worker that gives up would close its channel.
                #expect(try !peer.comesSomething(within: .seconds(1)))
                try peer.send(BasicConsumeOk(consumerTag: tag), on: channel)
                for number in 1...Self.messages {
                    let deliver = BasicDeliver(consumerTag: tag, deliveryTag: number, exchange: "", routingKey: "q")
                    try peer.sendContent(deliver, [UInt8(number)], on: channel)
                }
            case .basicCancel:
                try peer.send(BasicCancelOk(consumerTag: try frame.method(BasicCancel.self).consumerTag), on: channel)
            case .connectionClose:
                try peer.send(ConnectionCloseOk(), on: 0)
                return try peer.expectEnd()
            default: throw PeerFailure("no answer to \(frame)")
            }
        }
    }
}
