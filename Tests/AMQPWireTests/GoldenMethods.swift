import AMQPWire

/// Every method with its payload, written out by hand from the specification.
enum GoldenMethods {
    static let all: [(method: Method, note: String)] = connection + channel + exchange + queue + basic + modes

    static let connection: [(method: Method, note: String)] = [
        (
            .connectionStart(
                ConnectionStart(
                    serverProperties: ["product": "RabbitMQ", "capabilities": ["basic.nack": true]],
                    mechanisms: Array("PLAIN AMQPLAIN".utf8),
                    locales: Array("en_US".utf8)
                )
            ),
            """
            000A 000A | 00 09 | 00000034 | 07'product' 'S' 00000008 'RabbitMQ' | 0C'capabilities' 'F' 0000000D
            0A'basic.nack' 't' 01 | 0000000E 'PLAIN AMQPLAIN' | 00000005 'en_US'
            """
        ),
        (
            .connectionStartOk(
                ConnectionStartOk(
                    clientProperties: ["product": "probe"],
                    mechanism: "PLAIN",
                    response: Array("\0guest\0guest".utf8)
                )
            ),
            """
            000A 000B | 00000012 07'product' 'S' 00000005 'probe' | 05'PLAIN' | 0000000C 00'guest'00'guest'
            05'en_US'
            """
        ),
        (.connectionSecure(ConnectionSecure(challenge: [0xFF, 0])), "000A 0014 | 00000002 FF00"),
        (.connectionSecureOk(ConnectionSecureOk(response: [0, 0xFF])), "000A 0015 | 00000002 00FF"),
        (
            .connectionTune(ConnectionTune(channelMax: 2047, frameMax: 131_072, heartbeat: 60)),
            "000A 001E | 07FF 00020000 003C"
        ),
        (
            .connectionTuneOk(ConnectionTuneOk(channelMax: 0x0102, frameMax: 0x0304_0506, heartbeat: 0x0708)),
            "000A 001F | 0102 03040506 0708"
        ),
        (.connectionOpen(ConnectionOpen(virtualHost: "/")), "000A 0028 | 01'/' 00 00"),
        (.connectionOpenOk(ConnectionOpenOk()), "000A 0029 | 00"),
        (
            .connectionClose(ConnectionClose(replyCode: .notAllowed, replyText: "no", classID: 10, methodID: 40)),
            "000A 0032 | 0212 02'no' 000A 0028"
        ),
        (.connectionCloseOk(ConnectionCloseOk()), "000A 0033"),
        (.connectionBlocked(ConnectionBlocked(reason: "low on disk")), "000A 003C | 0B'low on disk'"),
        (.connectionUnblocked(ConnectionUnblocked()), "000A 003D"),
        (
            .connectionUpdateSecret(ConnectionUpdateSecret(newSecret: Array("guest".utf8), reason: "r")),
            "000A 0046 | 00000005 'guest' 01'r'"
        ),
        (.connectionUpdateSecretOk(ConnectionUpdateSecretOk()), "000A 0047"),
    ]

    static let channel: [(method: Method, note: String)] = [
        (.channelOpen(ChannelOpen()), "0014 000A | 00"),
        (.channelOpenOk(ChannelOpenOk()), "0014 000B | 00000000"),
        (.channelFlow(ChannelFlow(active: true)), "0014 0014 | 01"),
        (.channelFlowOk(ChannelFlowOk(active: true)), "0014 0015 | 01"),
        (
            .channelClose(ChannelClose(replyCode: .notFound, replyText: "NOT_FOUND", classID: 50, methodID: 10)),
            "0014 0028 | 0194 09'NOT_FOUND' 0032 000A"
        ),
        (.channelCloseOk(ChannelCloseOk()), "0014 0029"),
    ]

    static let exchange: [(method: Method, note: String)] = [
        (
            .exchangeDeclare(ExchangeDeclare(exchange: "media", type: "topic", durable: true, internal: true)),
            "0028 000A | 0000 05'media' 05'topic' 0A 00000000"
        ),
        (.exchangeDeclareOk(ExchangeDeclareOk()), "0028 000B"),
        (.exchangeDelete(ExchangeDelete(exchange: "x", ifUnused: true)), "0028 0014 | 0000 01'x' 01"),
        (.exchangeDeleteOk(ExchangeDeleteOk()), "0028 0015"),
        (
            .exchangeBind(ExchangeBind(destination: "to", source: "from", routingKey: "k", noWait: true)),
            "0028 001E | 0000 02'to' 04'from' 01'k' 01 00000000"
        ),
        (.exchangeBindOk(ExchangeBindOk()), "0028 001F"),
        (
            .exchangeUnbind(ExchangeUnbind(destination: "to", source: "from", arguments: ["a": 1])),
            "0028 0028 | 0000 02'to' 04'from' 00 00 0000000B 01'a' 'l' 0000000000000001"
        ),
        (.exchangeUnbindOk(ExchangeUnbindOk()), "0028 0033"),
    ]

    static let queue: [(method: Method, note: String)] = [
        (
            .queueDeclare(QueueDeclare(queue: "q", durable: true, autoDelete: true, arguments: ["x-max-length": 5])),
            "0032 000A | 0000 01'q' 0A 00000016 0C'x-max-length' 'l' 0000000000000005"
        ),
        (
            .queueDeclareOk(QueueDeclareOk(queue: "q", messageCount: 1, consumerCount: 2)),
            "0032 000B | 01'q' 00000001 00000002"
        ),
        (
            .queueBind(QueueBind(queue: "q", exchange: "media", routingKey: "image.*")),
            "0032 0014 | 0000 01'q' 05'media' 07'image.*' 00 00000000"
        ),
        (.queueBindOk(QueueBindOk()), "0032 0015"),
        (.queuePurge(QueuePurge(queue: "q", noWait: true)), "0032 001E | 0000 01'q' 01"),
        (.queuePurgeOk(QueuePurgeOk(messageCount: 258)), "0032 001F | 00000102"),
        (.queueDelete(QueueDelete(queue: "q", ifEmpty: true)), "0032 0028 | 0000 01'q' 02"),
        (.queueDeleteOk(QueueDeleteOk(messageCount: 3)), "0032 0029 | 00000003"),
        (
            .queueUnbind(QueueUnbind(queue: "q", exchange: "x", routingKey: "k")),
            "0032 0032 | 0000 01'q' 01'x' 01'k' 00000000"
        ),
        (.queueUnbindOk(QueueUnbindOk()), "0032 0033"),
    ]

    static let basic: [(method: Method, note: String)] = [
        (.basicQos(BasicQos(prefetchCount: 32)), "003C 000A | 00000000 0020 00"),
        (.basicQosOk(BasicQosOk()), "003C 000B"),
        (
            .basicConsume(BasicConsume(queue: "q", consumerTag: "t", noAck: true, noWait: true)),
            "003C 0014 | 0000 01'q' 01't' 0A 00000000"
        ),
        (.basicConsumeOk(BasicConsumeOk(consumerTag: "t")), "003C 0015 | 01't'"),
        (.basicCancel(BasicCancel(consumerTag: "t", noWait: true)), "003C 001E | 01't' 01"),
        (.basicCancelOk(BasicCancelOk(consumerTag: "t")), "003C 001F | 01't'"),
        (.basicPublish(BasicPublish(routingKey: "q", mandatory: true)), "003C 0028 | 0000 00 01'q' 01"),
        (.basicPublish(BasicPublish(exchange: "x", routingKey: "", immediate: true)), "003C 0028 | 0000 01'x' 00 02"),
        (
            .basicReturn(BasicReturn(replyCode: .noRoute, replyText: "NO_ROUTE", exchange: "x", routingKey: "k")),
            "003C 0032 | 0138 08'NO_ROUTE' 01'x' 01'k'"
        ),
        (
            .basicDeliver(
                BasicDeliver(consumerTag: "a", deliveryTag: 1, redelivered: true, exchange: "", routingKey: "q")
            ),
            "003C 003C | 01'a' 0000000000000001 01 00 01'q'"
        ),
        (.basicGet(BasicGet(queue: "q", noAck: true)), "003C 0046 | 0000 01'q' 01"),
        (
            .basicGetOk(
                BasicGetOk(deliveryTag: 0x0102_0304_0506_0708, exchange: "x", routingKey: "k", messageCount: 9)
            ),
            "003C 0047 | 0102030405060708 00 01'x' 01'k' 00000009"
        ),
        (.basicGetEmpty(BasicGetEmpty()), "003C 0048 | 00"),
        (.basicAck(BasicAck(deliveryTag: 77, multiple: true)), "003C 0050 | 000000000000004D 01"),
        (.basicReject(BasicReject(deliveryTag: 77, requeue: true)), "003C 005A | 000000000000004D 01"),
        (.basicRecoverAsync(BasicRecoverAsync(requeue: true)), "003C 0064 | 01"),
        (.basicRecover(BasicRecover(requeue: true)), "003C 006E | 01"),
        (.basicRecoverOk(BasicRecoverOk()), "003C 006F"),
        (.basicNack(BasicNack(deliveryTag: 77, requeue: true)), "003C 0078 | 000000000000004D 02"),
    ]

    static let modes: [(method: Method, note: String)] = [
        (.confirmSelect(ConfirmSelect(noWait: true)), "0055 000A | 01"),
        (.confirmSelectOk(ConfirmSelectOk()), "0055 000B"),
        (.txSelect(TxSelect()), "005A 000A"),
        (.txSelectOk(TxSelectOk()), "005A 000B"),
        (.txCommit(TxCommit()), "005A 0014"),
        (.txCommitOk(TxCommitOk()), "005A 0015"),
        (.txRollback(TxRollback()), "005A 001E"),
        (.txRollbackOk(TxRollbackOk()), "005A 001F"),
    ]
}
