import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// 403, 404, 405 and 406: each ends one channel, says why, and leaves the neighbours alone.
@Suite(
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .tags(.rabbitMQWords),
    .onRabbitMQ,
    .timeLimit(.minutes(10))
)
struct ChannelErrorTests {
    static let accessRefused = [
        Provocation(
            "a queue named amq.*",
            .accessRefused,
            after: .queueDeclare,
            "reserved prefix 'amq.*'",
            about: .name(.queue, "amq.millrace")
        ) {
            _ = try $0.channel.declareQueue("amq.millrace")
        },
        Provocation(
            "an exchange named amq.*",
            .accessRefused,
            after: .exchangeDeclare,
            "reserved prefix 'amq.*'",
            about: .name(.exchange, "amq.millrace")
        ) {
            try $0.channel.declareExchange("amq.millrace")
        },
        Provocation(
            "delete amq.direct",
            .accessRefused,
            after: .exchangeDelete,
            "amq.direct",
            about: .standardExchange("amq.direct")
        ) {
            try $0.channel.deleteExchange("amq.direct")
        },
        Provocation(
            "bind to the default exchange",
            .accessRefused,
            after: .queueBind,
            "default exchange",
            about: .name(.exchange, "")
        ) {
            try $0.declareQueue()
            try $0.channel.bindQueue($0.queue, to: "", routingKey: "k")
        },
        Provocation(
            "a queue with an exclusive consumer",
            .accessRefused,
            after: .basicConsume,
            "in exclusive use",
            about: .queue,
            isTransient: true
        ) {
            try $0.declareQueue()
            try $0.stranger.consume($0.queue, exclusive: true)
            try $0.channel.consume($0.queue)
        },
        Provocation(
            "an exclusive consumer beside others",
            .accessRefused,
            after: .basicConsume,
            "in exclusive use",
            about: .queue,
            isTransient: true
        ) {
            try $0.declareQueue()
            try $0.stranger.consume($0.queue)
            try $0.channel.consume($0.queue, exclusive: true)
        },
        Provocation(
            "publish to an internal exchange",
            .accessRefused,
            after: .basicPublish,
            "internal exchange",
            about: .exchange
        ) {
            stage in
            try stage.neighbour.declareExchange(stage.exchange, durable: false, internal: true)
            defer { try? stage.neighbour.deleteExchange(stage.exchange) }
            try stage.channel.publish([1], exchange: stage.exchange, routingKey: "k")
            try stage.channel.awaitEnd()
        },
    ]

    @Test(arguments: accessRefused)
    func `C42: 403 ACCESS_REFUSED ends its channel`(provocation: Provocation) async throws {
        try await provocation.play()
    }

    static let notFound = [
        Provocation("look at a missing queue", .notFound, after: .queueDeclare, "no queue", about: .queue) {
            _ = try $0.channel.declareQueue($0.queue, passive: true)
        },
        Provocation("look at a missing exchange", .notFound, after: .exchangeDeclare, "no exchange", about: .exchange) {
            try $0.channel.declareExchange($0.exchange, passive: true)
        },
        Provocation("consume", .notFound, after: .basicConsume, "no queue", about: .queue) {
            try $0.channel.consume($0.queue)
        },
        Provocation("get", .notFound, after: .basicGet, "no queue", about: .queue) { _ = try $0.channel.get($0.queue) },
        Provocation("purge", .notFound, after: .queuePurge, "no queue", about: .queue) {
            try $0.channel.purgeQueue($0.queue)
        },
        Provocation("publish", .notFound, after: .basicPublish, "no exchange", about: .exchange) {
            try $0.channel.publish([1], exchange: $0.exchange, routingKey: "k")
            try $0.channel.awaitEnd()
        },
        Provocation("bind a missing queue", .notFound, after: .queueBind, "no queue", about: .queue) {
            try $0.channel.bindQueue($0.queue, to: "amq.direct")
        },
        Provocation("bind to a missing exchange", .notFound, after: .queueBind, "no exchange", about: .exchange) {
            try $0.declareQueue()
            try $0.channel.bindQueue($0.queue, to: $0.exchange)
        },
        Provocation("bind a missing exchange", .notFound, after: .exchangeBind, "no exchange", about: .exchange) {
            try $0.channel.bindExchange($0.exchange, to: "amq.fanout")
        },
        Provocation(
            "the last declared queue, without one",
            .notFound,
            after: .basicConsume,
            "no previously declared queue",
            about: .name(.queue, "")
        ) {
            try $0.channel.consume("")
        },
    ]

    @Test(arguments: notFound)
    func `C42 C45 C60: 404 NOT_FOUND ends its channel`(provocation: Provocation) async throws {
        try await provocation.play()
    }

    static let resourceLocked = [
        Provocation("declare", .resourceLocked, after: .queueDeclare, "locked queue", about: .locked, isTransient: true)
        {
            _ = try $0.channel.declareQueue($0.locked, durable: false, exclusive: true)
        },
        Provocation(
            "look at it",
            .resourceLocked,
            after: .queueDeclare,
            "locked queue",
            about: .locked,
            isTransient: true
        ) {
            _ = try $0.channel.declareQueue($0.locked, passive: true)
        },
        Provocation("consume", .resourceLocked, after: .basicConsume, "locked queue", about: .locked, isTransient: true)
        {
            try $0.channel.consume($0.locked)
        },
        Provocation("get", .resourceLocked, after: .basicGet, "locked queue", about: .locked, isTransient: true) {
            _ = try $0.channel.get($0.locked)
        },
        Provocation("delete", .resourceLocked, after: .queueDelete, "locked queue", about: .locked, isTransient: true) {
            try $0.channel.deleteQueue($0.locked)
        },
    ]

    @Test(arguments: resourceLocked)
    func `C42: 405 RESOURCE_LOCKED ends its channel: another connection's exclusive queue`(provocation: Provocation)
        async throws
    { try await provocation.play() }

    static let preconditionFailed = [
        Provocation(
            "another durable",
            .preconditionFailed,
            after: .queueDeclare,
            "inequivalent arg 'durable'",
            about: .queue,
            difference: AMQPError.Difference(argument: "durable", asked: "true", existing: "false")
        ) {
            try $0.declareQueue()
            _ = try $0.channel.declareQueue($0.queue, durable: true, arguments: ["x-expires": .int64(60_000)])
        },
        Provocation(
            "another x-message-ttl",
            .preconditionFailed,
            after: .queueDeclare,
            "inequivalent arg 'x-message-ttl'",
            about: .queue,
            difference: AMQPError.Difference(argument: "x-message-ttl", asked: "1000", existing: nil)
        ) {
            try $0.declareQueue()
            let arguments: FieldTable = ["x-expires": .int64(60_000), "x-message-ttl": .int64(1000)]
            _ = try $0.channel.declareQueue($0.queue, durable: false, arguments: arguments)
        },
        Provocation(
            "without its x-expires",
            .preconditionFailed,
            after: .queueDeclare,
            "inequivalent arg 'x-expires'",
            about: .queue,
            difference: AMQPError.Difference(argument: "x-expires", asked: nil, existing: "60000")
        ) {
            try $0.declareQueue()
            _ = try $0.channel.declareQueue($0.queue, durable: false)
        },
        Provocation(
            "another auto_delete",
            .preconditionFailed,
            after: .queueDeclare,
            "inequivalent arg 'auto_delete'",
            about: .queue,
            difference: AMQPError.Difference(argument: "auto_delete", asked: "true", existing: "false")
        ) {
            try $0.declareQueue()
            let arguments: FieldTable = ["x-expires": .int64(60_000)]
            _ = try $0.channel.declareQueue($0.queue, durable: false, autoDelete: true, arguments: arguments)
        },
        Provocation(
            "an unusable x-message-ttl",
            .preconditionFailed,
            after: .queueDeclare,
            "invalid arg 'x-message-ttl'",
            about: .queue
        ) {
            _ = try $0.channel.declareQueue($0.queue, durable: false, arguments: ["x-message-ttl": "soon"])
        },
        Provocation(
            "another exchange type",
            .preconditionFailed,
            after: .exchangeDeclare,
            "inequivalent arg 'type'",
            about: .standardExchange("amq.direct"),
            difference: AMQPError.Difference(argument: "type", asked: "fanout", existing: "direct")
        ) {
            try $0.channel.declareExchange("amq.direct", type: "fanout")
        },
        Provocation(
            "delete a queue that is not empty",
            .preconditionFailed,
            after: .queueDelete,
            "not empty",
            about: .queue
        ) {
            try $0.declareQueue()
            try $0.neighbour.fill($0.queue, 1...1)
            try $0.channel.deleteQueue($0.queue, ifEmpty: true)
        },
        Provocation("delete a queue in use", .preconditionFailed, after: .queueDelete, "in use", about: .queue) {
            try $0.declareQueue()
            try $0.stranger.consume($0.queue)
            try $0.channel.deleteQueue($0.queue, ifUnused: true)
        },
        Provocation(
            "delete an exchange in use",
            .preconditionFailed,
            after: .exchangeDelete,
            "in use",
            about: .exchange
        ) {
            try $0.declareQueue()
            try $0.neighbour.declareExchange($0.exchange, durable: false, autoDelete: true)
            try $0.neighbour.bindQueue($0.queue, to: $0.exchange)
            try $0.channel.deleteExchange($0.exchange, ifUnused: true)
        },
        Provocation(
            "an expiration that is no number",
            .preconditionFailed,
            after: .basicPublish,
            "invalid expiration",
            about: .nothing
        ) {
            try $0.channel.publish([1], routingKey: "k", properties: BasicProperties(expiration: "soon"))
            try $0.channel.awaitEnd()
        },
        Provocation(
            "another user's name",
            .preconditionFailed,
            after: .basicPublish,
            "user_id property",
            about: .nothing
        ) {
            try $0.channel.publish([1], routingKey: "k", properties: BasicProperties(userID: "nobody"))
            try $0.channel.awaitEnd()
        },
    ]

    @Test(arguments: preconditionFailed)
    func `C42: 406 PRECONDITION_FAILED ends its channel and names what differs`(provocation: Provocation) async throws {
        try await provocation.play()
    }
}
