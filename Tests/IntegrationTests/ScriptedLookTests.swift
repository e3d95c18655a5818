import AMQPClient
import AMQPWire
import Millrace
import TestSupport
import Testing

/// A look at dead letters of which the broker's answers come in an order that it may choose.
@Suite(.ownThread, .timeLimit(.minutes(10))) struct ScriptedLookTests {
    private static func file() throws -> JobFile {
        let text = "version: 1\nconnection: { uri: amqp://localhost }\njobs: { work: { queue: q, handler: p.h } }\n"
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    @Test func `what the queue gave a consumer before it answered comes first, though its answer overtakes it`() throws
    {
        let file = try Self.file()
        try Scripted.run { connection in
            let box = try FailedMessageBox(
                of: #require(file.jobs.first),
                in: file,
                queue: "dead",
                on: connection.openChannel()
            )
            #expect(try box.take(4).map(\.body) == [[0], [1], [2], [3]])
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(ConfirmSelect.self, on: 1)
            try peer.send(ConfirmSelectOk(), on: 1)
            try Self.declare(peer)
            try Self.get(0, tag: 1, left: 3, peer)
            try peer.expectPrefetch(on: 1)
            let consume = try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: consume.consumerTag), on: 1)
            // It is slow: the client asks the queue itself.
            try Self.get(3, tag: 2, left: 0, peer)
            try peer.expect(QueueDeclare.self, on: 1)
            for body: UInt8 in [1, 2] {
                try peer.sendContent(
                    BasicDeliver(
                        consumerTag: consume.consumerTag,
                        deliveryTag: UInt64(body) + 2,
                        exchange: "",
                        routingKey: "dead"
                    ),
                    [body],
                    on: 1
                )
            }
            try peer.send(QueueDeclareOk(queue: "dead", messageCount: 0, consumerCount: 1), on: 1)
            try peer.finish()
        }
    }

    private static func declare(_ peer: ScriptedPeer) throws {
        try peer.expect(QueueDeclare.self, on: 1)
        try peer.send(QueueDeclareOk(queue: "dead", messageCount: 4, consumerCount: 0), on: 1)
    }

    private static func get(_ body: UInt8, tag: UInt64, left: UInt32, _ peer: ScriptedPeer) throws {
        try peer.expect(BasicGet.self, on: 1)
        try peer.sendContent(
            BasicGetOk(deliveryTag: tag, exchange: "", routingKey: "dead", messageCount: left),
            [body],
            on: 1
        )
    }
}
