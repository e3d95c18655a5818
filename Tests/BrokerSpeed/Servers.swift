import AMQPBroker
import AMQPBrokerServer
import AMQPWire

/// Brokers on ports, each with a client and a message, as tests have them.
enum Servers {
    /// From nothing to a broker that greets, each time anew: milliseconds, sorted.
    static func starts(_ count: Int) async throws -> [Double] {
        var times: [Double] = []
        for _ in 0..<count {
            let start = ContinuousClock().now
            let server = try await BrokerServer.start()
            var client = try SocketClient(port: server.port)
            try client.send(Frame.protocolHeader)
            try client.await(10, 10)
            times.append((ContinuousClock().now - start) / .milliseconds(1))
            await server.stop()
        }
        return times.sorted()
    }

    /// One after the other: each gets its own message out, and is gone before the next.
    static func inTurn(_ count: Int) async throws {
        for number in 0..<count {
            let server = try await BrokerServer.start()
            try Self.use(server.port, number)
            await server.stop()
        }
    }

    /// At once: all are there before the first is used, and none has a message of another.
    static func atOnce(_ count: Int) async throws {
        var servers: [BrokerServer] = []
        for _ in 0..<count { servers.append(try await BrokerServer.start()) }
        for (number, server) in servers.enumerated() { try Self.use(server.port, number) }
        for server in servers {
            let counts = try await server.with { broker, _ in broker.counts }
            guard counts.published == 1, counts.delivered == 1 else {
                throw SocketClient.Failure(what: "a broker has counted \(counts)")
            }
            await server.stop()
        }
    }

    private static func use(_ port: Int, _ number: Int) throws {
        let body = withUnsafeBytes(of: UInt64(number).bigEndian) { [UInt8]($0) }
        var client = try SocketClient(port: port)
        try client.send(
            Octets.start() + Octets.publish(body) + Octets.method(BasicConsume(queue: "jobs", consumerTag: "c"), 1)
        )
        let came = try client.body()
        guard came == body else { throw SocketClient.Failure(what: "broker \(number) has handed out \(came)") }
        try client.send(
            Octets.acks(1...1)
                + Octets.method(
                    ChannelClose(replyCode: ReplyCode(rawValue: 200), replyText: "", classID: 0, methodID: 0),
                    1
                )
        )
        try client.await(20, 41)
    }
}
