import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// What users may do.
@Suite struct AccessTests {
    private func made(_ profile: Profile = .rabbitMQ310) throws -> RigClient {
        var settings = BrokerSettings(profile: profile)
        settings.users["lim"] = "guest"
        settings.permissions["lim"] = Permissions(configure: "^(ok|c)\\.", write: "^(ok|w)\\.", read: "^(ok|r)\\.")
        let rig = Rig(settings)
        let all = try rig.connect()
        try all.open(1)
        for name in ["no.q", "r.q", "w.q", "ok.q"] {
            try all.ask(QueueDeclare(queue: name, durable: true), .queueDeclareOk)
        }
        for name in ["no.x", "ok.x"] {
            try all.ask(ExchangeDeclare(exchange: name, type: "direct"), .exchangeDeclareOk)
        }
        let client = try rig.connect(user: "lim")
        try client.open(1)
        return client
    }

    /// What RabbitMQ refused in each case, name by name.
    private static let refused: [(String, Method)] = [
        ("configure access to queue 'no.new'", .queueDeclare(QueueDeclare(queue: "no.new", durable: true))),
        ("configure access to queue 'no.q'", .queueDeclare(QueueDeclare(queue: "no.q", durable: true))),
        (
            "read access to queue 'c.q'",
            .queueDeclare(QueueDeclare(queue: "c.q", durable: true, arguments: ["x-dead-letter-exchange": "ok.x"]))
        ),
        ("read access to queue 'no.q'", .basicConsume(BasicConsume(queue: "no.q"))),
        ("read access to queue 'w.q'", .basicGet(BasicGet(queue: "w.q"))),
        ("read access to queue 'w.q'", .queuePurge(QueuePurge(queue: "w.q"))),
        ("configure access to queue 'w.q'", .queueDelete(QueueDelete(queue: "w.q"))),
        (
            "write access to queue 'no.q'",
            .queueBind(QueueBind(queue: "no.q", exchange: "ok.x", routingKey: "k"))
        ),
        (
            "read access to exchange 'no.x'",
            .queueBind(QueueBind(queue: "w.q", exchange: "no.x", routingKey: "k"))
        ),
        ("configure access to exchange 'no.y'", .exchangeDeclare(ExchangeDeclare(exchange: "no.y", type: "direct"))),
        (
            "write access to exchange 'no.x'",
            .exchangeDeclare(
                ExchangeDeclare(exchange: "ok.y", type: "direct", arguments: ["alternate-exchange": "no.x"])
            )
        ),
        ("configure access to exchange 'no.x'", .exchangeDelete(ExchangeDelete(exchange: "no.x"))),
        (
            "read access to exchange 'no.x'",
            .exchangeBind(ExchangeBind(destination: "ok.x", source: "no.x", routingKey: "k"))
        ),
    ]

    @Test func `what a user may not do is 403, with the access and the name`() throws {
        for profile in [Profile.rabbitMQ310, .rabbitMQ40] {
            for (text, method) in Self.refused {
                let client = try self.made(profile)
                client.sendRaw(try Octets.any(method, on: 1))
                let close = try client.closeCode()
                let said = profile == .rabbitMQ310 ? text.drop { $0 != " " }.dropFirst() : text[...]
                #expect(close.code == 403)
                #expect(close.text == "ACCESS_REFUSED - \(said) in vhost '/' refused for user 'lim'")
            }
        }
    }

    @Test func `publishing needs the exchange, the default one too`() throws {
        for (exchange, name) in [("no.x", "no.x"), ("none", "none"), ("", "amq.default")] {
            let client = try self.made(.rabbitMQ40)
            try client.publish(to: "ok.q", exchange: exchange)
            let text = "ACCESS_REFUSED - write access to exchange '\(name)' in vhost '/' refused for user 'lim'"
            #expect(try client.closeCode() == (403, text))
        }
    }

    @Test func `what is allowed is done`() throws {
        let client = try self.made()
        try client.ask(QueueDeclare(queue: "ok.new", durable: true), .queueDeclareOk)
        try client.ask(QueueBind(queue: "ok.new", exchange: "ok.x", routingKey: "k"), .queueBindOk)
        try client.publish([7], to: "k", exchange: "ok.x")
        try client.send(BasicGet(queue: "ok.new", noAck: true))
        #expect(try client.deliveries().map(\.body) == [[7]])
        try client.send(BasicGet(queue: "r.q"))
        try client.expect(.basicGetEmpty)
    }

    @Test func `a passive declaration needs no right until 4.3`() throws {
        for (profile, answer) in [(Profile.rabbitMQ40, MethodID.queueDeclareOk), (.rabbitMQ43, .channelClose)] {
            let client = try self.made(profile)
            try client.ask(QueueDeclare(queue: "no.q", passive: true), answer)
        }
    }

    @Test func `a virtual host that a user may not open is 530`() throws {
        var settings = BrokerSettings()
        settings.permissions["guest"] = Permissions(virtualHosts: ["other"])
        let rig = Rig(settings)
        let client = rig.raw()
        client.sendRaw(Frame.protocolHeader)
        try client.expect(.connectionStart)
        try client.logIn()
        try client.expect(.connectionTune)
        try client.send(ConnectionTuneOk(channelMax: 2047, frameMax: 131_072, heartbeat: 0), on: 0)
        try client.send(ConnectionOpen(virtualHost: "/"), on: 0)
        #expect(try client.closeCode() == (530, "NOT_ALLOWED - access to vhost '/' refused for user 'guest'"))
    }
}

extension Octets {
    fileprivate static func any(_ method: Method, on channel: UInt16) throws -> [UInt8] {
        var buffer = WireBuffer()
        try buffer.appendMethodFrame(method, channel: channel, frameMax: 1 << 20)
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }
}
