import AMQPClient
import AMQPWire
import Logging
import MillraceClient
import NIOPosix
import ServiceLifecycle
import TestSupport
import Testing

/// The guide's code does what the guide says.
@Suite struct GuideTests {
    @Test func `a server enqueues an order, says what it was enqueued as, and shows its result`() async throws {
        try await OwnThread.run {
            let sent = Monitor<String?>(nil)
            try PeerListener.runEach { _, peer in
                try peer.handshakeOfRecovering()
                try peer.expect(ChannelOpen.self, on: 2)
                try peer.send(ChannelOpenOk(), on: 2)
                let first = try peer.next()
                if first.methodID == .confirmSelect {
                    try peer.send(ConfirmSelectOk(), on: 2)
                    let publish = try peer.expectPublish(on: 2)
                    #expect(String(decoding: publish.body, as: UTF8.self) == #"{"article":"mill","count":2}"#)
                    try peer.confirm(1)
                    sent.withLock { $0 = publish.header.properties.messageID }
                    sent.broadcast()
                    return try peer.passToEnd()
                }
                try peer.send(BasicQosOk(), on: 2)
                let tag = try peer.expect(BasicConsume.self, on: 2).consumerTag
                let own = tag.isEmpty ? "ctag" : tag
                try peer.send(BasicConsumeOk(consumerTag: own), on: 2)
                let id = sent.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 }
                let deliver = BasicDeliver(consumerTag: own, deliveryTag: 1, exchange: "", routingKey: "results")
                try peer.sendContent(deliver, Array("done".utf8), on: 2, properties: BasicProperties(correlationID: id))
                // The result can be seen, and the service be told to end, before its ack is on its way.
                var left: Set<MethodID> = [.basicAck, .basicCancel]
                while !left.isEmpty {
                    guard let came = try peer.next().methodID else { continue }
                    #expect(left.remove(came) != nil, "\(came)")
                    if came == .basicCancel { try peer.send(BasicCancelOk(consumerTag: own), on: 2) }
                }
                try peer.passToEnd()
            } client: { endpoint in
                let options = JobClientOptions(connection: Scripted.options)
                let client = JobClient(to: [endpoint], options: options, logger: Broker.quiet)
                let results = Results()
                let connection = RecoveringConnection(
                    to: [endpoint],
                    options: Scripted.options,
                    on: MultiThreadedEventLoopGroup.singleton,
                    logger: Broker.quiet
                )
                let service = ResultsService(connection: connection, results: results)
                let group = ServiceGroup(services: [client, service], logger: Broker.quiet)
                let running = StartedTask { try await group.run() }
                let answer = try StartedTask { await post(Order(article: "mill", count: 2), client) }.result()
                #expect(answer.status == 202)
                let text = try StartedTask {
                    while true {
                        if let text = await results.text(of: answer.text) { return text }
                        await Task.yield()
                    }
                }
                .result()
                #expect(text == "done")
                try StartedTask { await group.triggerGracefulShutdown() }.result()
                try running.result()
            }
        }
    }
}
