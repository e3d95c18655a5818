import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// What a binding of a headers exchange takes, by the types of both values (found by `ops/differential`).
@Suite struct HeadersExchangeTests {
    private static let values: [FieldValue] = [
        1, .uint8(1), .double(1), .float(1), .timestamp(1), "1", .bytes([49]), true, .void, .int64(1000),
        .timestamp(1000),
        .array([1]), .array([.double(1)]), .array([.uint8(1)]), .table(["k": 1]), .table(["l": 1]),
        .decimal(scale: 0, value: 1),
    ]

    /// The places of those values in a message that a binding with one of them takes.
    private func taken(_ profile: Profile, by value: FieldValue) throws -> [Int] {
        let rig = Rig(BrokerSettings(profile: profile))
        let client = try rig.connect()
        try client.open(1)
        try client.ask(QueueDeclare(queue: "q", durable: true), .queueDeclareOk)
        try client.ask(QueueBind(queue: "q", exchange: "amq.headers", arguments: ["k": value]), .queueBindOk)
        return try Self.values.indices.filter { place in
            try client.publish(
                to: "",
                exchange: "amq.headers",
                properties: BasicProperties(headers: ["k": Self.values[place]])
            )
            try client.send(BasicGet(queue: "q", noAck: true))
            return try client.next().method.id == .basicGetOk
        }
    }

    @Test func `3.10 compares values and no types, times and fractions among the numbers`() throws {
        for one in 0..<5 { #expect(try self.taken(.rabbitMQ310, by: Self.values[one]) == Array(0..<5)) }
        #expect(try self.taken(.rabbitMQ310, by: "1") == [5, 6])
        #expect(try self.taken(.rabbitMQ310, by: true) == [7])
        #expect(try self.taken(.rabbitMQ310, by: .void) == Array(Self.values.indices))
        #expect(try self.taken(.rabbitMQ310, by: .timestamp(1000)) == [9, 10])
    }

    @Test func `4.0 and 4.3 tell fractions from whole numbers, and take a message's times in milliseconds`() throws {
        for profile in [Profile.rabbitMQ40, .rabbitMQ43] {
            #expect(try self.taken(profile, by: 1) == [0, 1])
            #expect(try self.taken(profile, by: .timestamp(1)) == [0, 1])
            #expect(try self.taken(profile, by: .double(1)) == [2, 3])
            #expect(try self.taken(profile, by: .timestamp(1000)) == [4, 9])
            #expect(try self.taken(profile, by: "1") == [5, 6])
        }
    }

    @Test func `inside another value the type counts`() throws {
        for profile in [Profile.rabbitMQ310, .rabbitMQ43] {
            #expect(try self.taken(profile, by: .array([1])) == [11])
            #expect(try self.taken(profile, by: .table(["k": 1])) == [14])
        }
    }
}
