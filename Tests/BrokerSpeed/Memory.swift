import AMQPBroker
import AMQPBrokerServer
import AMQPWire

/// What a broker with many messages needs, and gives back, in KiB.
struct Memory {
    let messages: Int
    private(set) var before = 0
    private(set) var full = 0
    private(set) var consumed = 0
    private(set) var deleted = 0

    /// Messages of 64 octets, in bursts of a thousand that are confirmed; all are consumed and acked, then the queue is
    /// deleted.
    init(messages: Int) async throws {
        self.messages = messages
        let server = try await BrokerServer.start()
        var client = try SocketClient(port: server.port)
        try client.send(Octets.start() + Octets.method(ConfirmSelect(), 1))
        try client.await(85, 11)
        self.before = ProcessFacts.resident
        let burst = Array(repeating: try Octets.publish([UInt8](repeating: 7, count: 64)), count: 1000).flatMap { $0 }
        for number in 1...messages / 1000 {
            try client.send(burst)
            let last = UInt64(number * 1000)
            try client.read { type, payload in type == Frame.method && Self.number(payload.dropFirst(4)) == last }
        }
        self.full = ProcessFacts.resident
        try client.send(Octets.method(BasicQos(prefetchCount: 100), 1))
        try client.send(Octets.method(BasicConsume(queue: "jobs", consumerTag: "c"), 1))
        var acked: UInt64 = 0
        while acked < messages {
            var last = acked
            // What has come by now is acked together, and never more than the prefetch is out.
            let most = min(acked + 100, UInt64(messages))
            try client.read { type, _ in
                if type == Frame.body { last += 1 }
                return last == most
            }
            try client.send(Octets.acks(acked + 1...last))
            acked = last
        }
        try client.send(Octets.method(QueueDeclare(queue: "jobs"), 1))
        try client.await(50, 11)
        self.consumed = ProcessFacts.resident
        try client.send(Octets.method(QueueDelete(queue: "jobs"), 1))
        try client.await(50, 41)
        self.deleted = ProcessFacts.resident
        await server.stop()
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
