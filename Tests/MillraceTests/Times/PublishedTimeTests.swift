import AMQPWire
import TestSupport
import Testing

@testable import Millrace

/// When a message says that it was published, by its octets.
@Suite struct PublishedTimeTests {
    private func octets(_ properties: BasicProperties) throws -> [UInt8] {
        var buffer = WireBuffer()
        try ContentHeader(bodySize: 1, properties: properties).encode(into: &buffer)
        return buffer.withUnsafeBytes { Array($0) }
    }

    private func read(_ octets: [UInt8]) -> PublishedTime? { octets.withUnsafeBytes { PublishedTime($0) } }

    @Test func `the timestamp is found whatever stands before it`() throws {
        var seed = Seed()
        for _ in 0..<500 {
            func maybe<Value>(_ value: Value) -> Value? { Bool.random(using: &seed) ? value : nil }
            var properties = BasicProperties()
            properties.contentType = maybe("application/json")
            properties.contentEncoding = maybe("")
            properties.headers = maybe(["x": .string("millrace-published-at"), "y": .int64(3)])
            properties.deliveryMode = maybe(2)
            properties.priority = maybe(9)
            properties.correlationID = maybe("c")
            properties.replyTo = maybe("r")
            properties.expiration = maybe("60000")
            properties.messageID = maybe("some id")
            properties.timestamp = maybe(1_700_000_000)
            properties.type = maybe("t")
            properties.userID = maybe("guest")
            let found = try self.read(self.octets(properties))
            #expect(found == properties.timestamp.map { .seconds(Int64($0)) }, "\(seed.replay)")
        }
    }

    @Test func `the header goes before the timestamp, among others and as an integer of 64 bits alone`() throws {
        let name = "millrace-published-at"
        var properties = BasicProperties()
        properties.timestamp = 1_700_000_000
        properties.headers = ["a": .string("b"), "millrace-published-at": .int64(1_700_000_000_123), "z": .bool(true)]
        #expect(try self.read(self.octets(properties)) == .milliseconds(1_700_000_000_123))
        properties.headers = FieldTable()
        properties.headers?[name] = .string("1700000000123")
        #expect(try self.read(self.octets(properties)) == .seconds(1_700_000_000))
        properties.timestamp = nil
        #expect(try self.read(self.octets(properties)) == nil)
    }

    @Test func `octets that are cut short, or lie about their lengths, say nothing`() throws {
        var properties = BasicProperties()
        properties.contentType = "text/plain"
        properties.headers = ["millrace-published-at": .int64(5)]
        properties.timestamp = 7
        let whole = try self.octets(properties)
        for length in 0..<whole.count { _ = self.read(Array(whole.prefix(length))) }
        for index in 14..<whole.count {
            var lying = whole
            lying[index] = 0xff
            _ = self.read(lying)
        }
        #expect(self.read(Array(whole.prefix(13))) == nil)
        #expect(self.read([]) == nil)
    }

    @Test func `an age is never less than nothing, and of seconds only whole ones count`() {
        #expect(PublishedTime.milliseconds(1000).age(now: 1250) == 250_000_000)
        #expect(PublishedTime.milliseconds(2000).age(now: 1250) == 0)
        #expect(PublishedTime.milliseconds(.min).age(now: .max) <= TimeHistogram.longest)
        #expect(PublishedTime.seconds(9).age(now: 10_999) == 1_000_000_000)
        #expect(PublishedTime.seconds(10).age(now: 10_999) == 0)
        // Milliseconds where seconds belong lie in a far future.
        #expect(PublishedTime.seconds(1_700_000_000_000).age(now: 1_700_000_000_999) == 0)
        #expect(PublishedTime.seconds(.max).age(now: 0) == 0)
    }
}
