import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Fails the first time, then tells what it saw; rejects what is called `dead`.
private struct Telling: SyncJobHandler {
    private let output: String

    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        if message.bodyText == "dead" { return .reject("says dead") }
        if message.attempt == 1, message.bodyText == "again" { return .retry("says again") }
        let id = message.bytes(of: .messageID) ?? []
        let named = message.header(bytes: [0xE9, 0x74])
        let tenant = message.header("tenant")
        let text =
            "\(message.attempt) \(id) \(message.messageID ?? "none") \(named.map { "\($0)" } ?? "none")"
            + " \(tenant.map { "\($0)" } ?? "none") \(message.deliveryMode ?? 0) \(message.priority ?? 0)"
        try context.publish(Array(text.utf8), routingKey: self.output)
        return .ack
    }
}

private let plugin = MillracePlugin(name: "odd", [.sync("odd.telling", Telling.self)])

/// Messages that a broker takes from anybody: headers over frame-max, octets where text is meant, deep nesting.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct OddMessageTests {
    private let input = Broker.unique("odd")
    private var output: String { self.input + ".out" }
    private var dead: String { self.input + ".dead" }

    private func jobFile(_ query: String = "") throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")\(query)" }
            queues: { \(self.input): { dead_letter: { routing_key: \(self.dead) } }, \(self.output): {}, \(self.dead): {} }
            jobs:
              work:
                queue: \(self.input)
                handler: odd.telling
                retry: { max_attempts: 2, initial_interval: 20ms, jitter: 0 }
                with: { output: "\(self.output)" }
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    /// Persistent, with a priority, and with a name, a text, a message-id and a nesting that are odd.
    private static var odd: BasicProperties {
        var headers: FieldTable = ["tenant": "acme", "text": .nonUTF8String([0xFF, 0xC3])]
        headers.entries.append(FieldTable.Entry(keyOctets: [0xE9, 0x74], value: "x"))
        headers.entries.append(FieldTable.Entry(key: "tenant", value: .int32(7)))
        headers["deep"] = .undecoded(tag: UInt8(ascii: "A"), octets: Self.nested(40))
        var properties = BasicProperties(headers: headers, deliveryMode: 2, priority: 5, timestamp: .max)
        properties[octets: .messageID] = Array("caf".utf8) + [0xE9]
        properties[octets: .correlationID] = [0xFF]
        properties[octets: .type] = [0x80]
        return properties
    }

    /// Arrays in arrays, with the length of the outermost in front.
    private static func nested(_ depth: Int) -> [UInt8] {
        var octets: [UInt8] = [0, 0, 0, 0]
        for _ in 1..<depth {
            let inner = [UInt8(ascii: "A")] + octets
            octets = withUnsafeBytes(of: UInt32(inner.count).bigEndian) { [UInt8]($0) } + inner
        }
        return octets
    }

    private func withChannel<R>(_ body: (Channel) throws -> R) throws -> R {
        let connection = try Broker.connect()
        defer { connection.close() }
        return try body(connection.openChannel())
    }

    private func publish(_ body: String, _ properties: BasicProperties, to queue: String) throws {
        try self.withChannel { channel in
            try channel.selectConfirms()
            try channel.publish(Array(body.utf8), routingKey: queue, properties: properties)
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        }
    }

    private func takeAll(_ queue: String) throws -> [Delivery] {
        try self.withChannel { channel in
            var all: [Delivery] = []
            while let delivery = try channel.get(queue, noAck: true) { all.append(delivery) }
            return all
        }
    }

    private func remove() throws {
        try self.withChannel { channel in
            for queue in [self.input, self.output, self.dead, "\(self.input).src", "\(self.input).retry.20ms"] {
                try channel.deleteQueue(queue)
            }
        }
    }

    /// Octet for octet, or, where the broker writes tables anew, with the same names and as persistent.
    private static func isAsSent(_ properties: BasicProperties) throws -> Bool {
        if try Broker.profile().tables == .asSent {
            return try Self.foreign(properties) == Self.foreign(Self.odd)
        }
        let names = Set((properties.headers?.entries ?? []).map(\.keyOctets))
        return properties.deliveryMode == Self.odd.deliveryMode
            && (Self.odd.headers?.entries ?? []).allSatisfy { names.contains($0.keyOctets) }
    }

    /// The octets of all but our own headers.
    private static func foreign(_ properties: BasicProperties) throws -> [UInt8] {
        var properties = properties
        properties.headers?.entries.removeAll { $0.key.hasPrefix("millrace-") }
        properties.userID = nil  // a copy's is ours
        var buffer = WireBuffer()
        try properties.encode(into: &buffer)
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }

    @Test func `a handler sees what came, at the first attempt and at the second`() throws {
        let file = try self.jobFile()
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        try self.publish("at once", Self.odd, to: self.input)
        try self.publish("again", Self.odd, to: self.input)
        #expect(try TestSupervisor(file, [plugin.descriptor], once: true).run() == .clean)
        let texts = try self.takeAll(self.output).map { String(decoding: $0.body, as: UTF8.self) }
        let rest = "[99, 97, 102, 233] caf\u{FFFD} string(\"x\") string(\"acme\") 2 5"
        #expect(texts.sorted() == ["1 \(rest)", "2 \(rest)"])
        try self.remove()
    }

    @Test func `a dead letter, and its copy that is tried again, carry it all, persistent as it was`() throws {
        let file = try self.jobFile()
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        try self.publish("dead", Self.odd, to: self.input)
        #expect(try TestSupervisor(file, [plugin.descriptor], once: true).run() == .clean)
        try self.publish("by the broker", Self.odd, to: self.dead)
        try self.withChannel { channel in
            let box = try FailedMessageBox(of: #require(file.jobs.first), in: file, on: channel)
            let letters = try box.take(10)
            #expect(letters.count == 2)
            for letter in letters { #expect(try Self.isAsSent(letter.properties)) }
            let done = try box.replay(letters)
            #expect(done.sent == 2 && done.refused.isEmpty)
            try box.putBack()
        }
        let again = try self.takeAll(self.input)
        #expect(again.count == 2)
        for copy in again { #expect(try Self.isAsSent(copy.properties)) }
        try self.remove()
    }

    @Test func `headers over the frame size of their consumer are taken, and so are the messages behind them`() throws {
        let file = try self.jobFile("?frame_max=8192")
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let large = BasicProperties(headers: ["h": .string(String(repeating: "x", count: 20_000))])
        for properties in [BasicProperties(), large, BasicProperties()] {
            try self.publish("at once", properties, to: self.input)
        }
        #expect(try TestSupervisor(file, [plugin.descriptor], once: true).run() == .clean)
        #expect(try self.takeAll(self.output).count == 3)
        try self.remove()
    }

    @Test func `what the broker adds to a message that just fits a frame costs no connection`() throws {
        let file = try self.jobFile()
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let source = self.input + ".src"
        try self.withChannel { channel in
            _ = try channel.declareQueue(
                source,
                arguments: ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(self.input)]
            )
        }
        try self.publish(
            "at once",
            BasicProperties(headers: ["h": .string(String(repeating: "x", count: 131_000))]),
            to: source
        )
        try self.withChannel { channel in
            try channel.reject(#require(try channel.get(source)), requeue: false)
            channel.close()
        }
        try self.publish("at once", BasicProperties(), to: self.input)
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning { #expect(supervisor.wait { $0.counts.acked == 2 }) }
        #expect(try self.takeAll(self.output).count == 2)
        try self.remove()
    }

    @Test func `a reply text that the broker cuts inside a character ends its channel, not the connection`() throws {
        let connection = try Broker.connect()
        let neighbour = try connection.openChannel()
        // 3.10 cuts at 252 octets; whatever is left of the name must not matter.
        for start in ["", "a", "ab"] {
            let channel = try connection.openChannel()
            let name = start + String(repeating: "€", count: 80)
            let error = #expect(throws: AMQPError.self) { try channel.declareQueue(name, passive: true) }
            // RabbitMQ 4 may fail over such a name itself, and then says so.
            if error?.code.rawValue == 541 { return connection.close() }
            #expect(error?.code.rawValue == 404 && error?.scope == .channel(channel.number))
        }
        try neighbour.prefetch(1)
        connection.close()
    }
}
