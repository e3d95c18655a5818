import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// `millrace failed` as a user runs it, on messages of all kinds and with others in its way.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && Tool.isBuilt, "needs AMQP_URL and a release build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct FailedCommandTests {
    private let input = Broker.unique("failed.command")
    private var dead: String { self.input + ".dead" }
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    private func text(uri: String? = nil, queues: String? = nil, exchanges: String = "{}") -> String {
        """
        version: 1
        connection: { uri: "\(uri ?? Broker.uri ?? "")" }
        exchanges: \(exchanges)
        queues: \(queues ?? "{ \(self.input): { dead_letter: { routing_key: \(self.dead) } } }")
        jobs:
          work: { queue: \(self.input), handler: examples.order, with: { routing_key: x } }

        """
    }

    private func start(_ words: [String], _ text: String? = nil) throws -> (path: String, arguments: [String]) {
        let file = try self.folder.write("jobs-\(UUID().uuidString).yaml", text ?? self.text())
        return (Tool.millrace, ["failed"] + words + ["--file", file])
    }

    private func failed(_ words: String..., text: String? = nil) throws -> Tool.Result {
        let command = try self.start(words, text)
        return try Tool.run(command.path, command.arguments)
    }

    /// Both queues on the broker, and a channel in confirm mode.
    private func withQueues(
        _ arguments: FieldTable = [:],
        dead: FieldTable = [:],
        _ body: (Channel) throws -> Void
    ) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(self.dead, arguments: dead)
        _ = try channel.declareQueue(self.input, arguments: arguments)
        try channel.selectConfirms()
        try body(channel)
        let other = try connection.openChannel()
        try other.deleteQueue(self.input)
        try other.deleteQueue(self.dead)
    }

    private func bury(_ bodies: [[UInt8]], _ properties: [BasicProperties] = [], on channel: Channel) throws {
        for (index, body) in bodies.enumerated() {
            var own = index < properties.count ? properties[index] : BasicProperties()
            if properties.isEmpty { own.messageID = "m\(index)" }
            try channel.publish(body, routingKey: self.dead, properties: own)
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    private func count(_ queue: String, on channel: Channel) throws -> Int {
        Int(try channel.declareQueue(queue, passive: true).messageCount)
    }

    private func bodies(_ queue: String, on channel: Channel) throws -> [[UInt8]] {
        var bodies: [[UInt8]] = []
        while let delivery = try channel.get(queue, noAck: true) { bodies.append(delivery.body) }
        return bodies
    }

    /// The broker moves a message in its own time: its consumer is told.
    private func awaitDeadLetter(on channel: Channel) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let watch = try connection.openChannel()
        let consumer = try watch.consume(self.dead)
        let delivery = try #require(try watch.nextDelivery(timeout: Patience.long), "no dead letter came")
        try watch.cancel(consumer)
        try watch.nack(delivery, requeue: true)
        _ = try self.count(self.dead, on: watch)  // when it is answered, the message is back
    }

    // MARK: What a copy is

    @Test func `what the broker dead-lettered by itself goes back with where it was first published`() throws {
        let arguments: FieldTable = [
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(self.dead),
        ]
        try self.withQueues(arguments) { channel in
            try channel.declareExchange(self.input, type: "topic", autoDelete: true)
            try channel.bindQueue(self.input, to: self.input, routingKey: "new.#")
            try channel.publish([1, 2], exchange: self.input, routingKey: "new.order")
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            try channel.reject(#require(try channel.get(self.input)), requeue: false)
            try self.awaitDeadLetter(on: channel)
            let line = try self.failed("list", "work", "--json").output
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(
                object.map { Set($0.keys) } == [
                    "index", "id", "failure", "error", "attempts", "failed_at", "place", "queue", "bytes",
                ]
            )
            #expect(object?["failure"] as? String == "rejected")
            #expect(object?["queue"] as? String == self.input)
            #expect(object?["attempts"] is NSNull)
            #expect(object?["bytes"] as? Int == 2)
            let result = try self.failed("retry", "work", "--all")
            #expect(result.status == 0, "\(result.errors)")
            let copy = try #require(try channel.get(self.input, noAck: true))
            let headers = try copy.properties.headers
            #expect(headers?["millrace-exchange"]?.stringValue == self.input)
            #expect(headers?["millrace-routing-key"]?.stringValue == "new.order")
            #expect(headers?["x-death"] == nil)
        }
    }

    @Test func `bodies of a MiB go in parts, whole and in their order`() throws {
        try self.withQueues { channel in
            let bodies = (0..<20).map { [UInt8](repeating: UInt8($0), count: 1 << 20) }
            try self.bury(bodies, on: channel)
            #expect(try self.failed("list", "work").output.contains("20 of 20"))
            let result = try self.failed("retry", "work", "--all")
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output == "20 sent to '\(self.input)'\n")
            #expect(try self.count(self.dead, on: channel) == 0)
            #expect(try self.bodies(self.input, on: channel) == bodies)
        }
    }

    @Test func `a full queue that refuses: what does not fit stays, and the rest is not tried`() throws {
        try self.withQueues(["x-max-length": 2, "x-overflow": "reject-publish"]) { channel in
            try self.bury((0..<250).map { [UInt8($0)] }, on: channel)
            let result = try self.failed("retry", "work", "--all")
            #expect(result.status == 1)
            #expect(result.errors.contains("stays in '\(self.dead)'"))
            #expect(result.errors.contains("none of these went; up to 50 more were not tried"))
            let sent = try self.count(self.input, on: channel)
            #expect(sent >= 2)
            #expect(try self.count(self.dead, on: channel) == 250 - sent)
            let order = try self.bodies(self.dead, on: channel).map { $0[0] }
            #expect(order == order.sorted())
        }
    }

    @Test func `headers that leave no room for ours keep one message, not the others`() throws {
        try self.withQueues { channel in
            let wide = BasicProperties(
                headers: ["pad": .string(String(repeating: "x", count: 131_000))],
                messageID: "wide"
            )
            try self.bury([[1], [2]], [wide, BasicProperties(messageID: "slim")], on: channel)
            let result = try self.failed("retry", "work", "wide", "slim")
            #expect(result.status == 1)
            #expect(result.errors.contains("wide stays"))
            #expect(try self.bodies(self.input, on: channel) == [[2]])
            #expect(try self.bodies(self.dead, on: channel) == [[1]])
        }
    }

    // MARK: Others in the way

    /// basic.publish (60, 40), and a basic.ack (60, 80) whole frame's beginning on channel 1.
    static let cuts: [(octets: [UInt8], copies: Int)] = [
        ([0, 60, 0, 40], 0), ([1, 0, 1, 0, 0, 0, 13, 0, 60, 0, 80], 1),
    ]

    @Test(arguments: Self.cuts)
    func `a connection lost before the copy, or between its confirm and the ack: never zero times`(
        _ octets: [UInt8],
        _ copies: Int
    ) throws {
        try self.withQueues { channel in
            try self.bury([[7]], on: channel)
            let proxy = try CuttingProxy(to: Broker.endpoint(), cuttingAt: octets)
            let uri = try #require(Broker.uri).replacing(
                ":\(try Broker.endpoint().port)/",
                with: ":\(proxy.endpoint.port)/"
            )
            let result = try self.failed("retry", "work", "m0", text: self.text(uri: uri))
            proxy.stop()
            #expect(result.status == 69)
            #expect(result.errors.contains("0 were sent before; these may have gone and still be dead letters too: m0"))
            try self.awaitDeadLetter(on: channel)
            #expect(try self.count(self.dead, on: channel) == 1)
            #expect(try self.count(self.input, on: channel) == copies)
        }
    }

    @Test func `two at once send each message once`() throws {
        try self.withQueues { channel in
            let bodies = (0..<400).map { [UInt8($0 / 256), UInt8($0 % 256)] }
            try self.bury(bodies, on: channel)
            let command = try self.start(["retry", "work", "--all"])
            let others = try (0..<2).map { _ in try Tool.start(command.path, command.arguments) }
            #expect(try Tool.run(command.path, command.arguments).status == 0)
            for other in others { #expect(other.waitForExit() == 0) }
            let sent = try self.bodies(self.input, on: channel)
            let left = try self.bodies(self.dead, on: channel)
            #expect((sent + left).sorted { $0.lexicographicallyPrecedes($1) } == bodies)
        }
    }

    @Test func `messages of another queue stay, unless they are named`() throws {
        try self.withQueues { channel in
            let own = BasicProperties(headers: ["millrace-queue": .string(self.input)], messageID: "own")
            let other = BasicProperties(headers: ["millrace-queue": "elsewhere"], messageID: "other")
            try self.bury([[1], [2], [3]], [own, other, BasicProperties(messageID: "nobody's")], on: channel)
            let result = try self.failed("retry", "work", "--all")
            #expect(result.status == 0)
            #expect(result.errors.contains("1 came from other queues and stay"))
            #expect(try self.bodies(self.input, on: channel) == [[1], [3]])
            #expect(try self.failed("retry", "work", "other").status == 0)
            #expect(try self.bodies(self.input, on: channel) == [[2]])
        }
    }

    // MARK: What is shown and said

    @Test func `show takes an id or an index, and nothing of a stranger reaches the terminal as it is`() throws {
        try self.withQueues { channel in
            let wild = BasicProperties(
                headers: ["millrace-error": "\u{1b}[2J\nsecond \u{202e}line", "a\u{7}b": 1],
                messageID: "m\u{9b}1",
                userID: nil
            )
            let second = BasicProperties(messageID: "1", appID: "shop")
            try self.bury([Array(0...40), Array("grüße".utf8)], [wild, second], on: channel)
            let list = try self.failed("list", "work")
            #expect(list.output.contains(#"\u{1b}[2J\nsecond \u{202e}line"#))
            #expect(list.output.contains(#"1  m\u{9b}1"#))
            let byID = try self.failed("show", "work", "1")
            #expect(byID.output.contains("app-id: shop"))
            #expect(byID.output.contains("grüße"))
            let byIndex = try self.failed("show", "work", "2", "--max-body", "4")
            #expect(byIndex.output.contains("body, 7 octets:\ngrü\n(3 octets more"))
            let dump = try self.failed("show", "work", "m\u{9b}1")
            #expect(dump.output.contains("00000020  20 21 22 23 24 25 26 27 28 "))
            #expect(dump.output.contains(#"|................|"#))
            #expect(dump.output.contains(#"header a\u{7}b"#))
            for result in [list, byID, byIndex, dump] { #expect(!result.output.contains("\u{1b}")) }
            #expect(try self.failed("show", "work", "3").status == 1)
        }
    }

    private func ids(_ list: Tool.Result) -> [String] {
        list.output.split(separator: "\n").dropLast().map { String($0.split(separator: " ")[1]) }
    }

    @Test func `messages without an id are named by a hash that stays, and equal ones by a number more`() throws {
        try self.withQueues { channel in
            try self.bury([[1], [2], [2]], [BasicProperties(), BasicProperties(), BasicProperties()], on: channel)
            let first = try self.failed("list", "work")
            #expect(try self.failed("list", "work").output == first.output)
            let ids = self.ids(first)
            #expect(Set(ids).count == 3)
            #expect(ids[2] == ids[1] + "-2")
            #expect(try self.failed("remove", "work", ids[2]).output.hasPrefix("1 removed"))
            #expect(try self.bodies(self.dead, on: channel) == [[1], [2]])
        }
    }

    @Test(arguments: ["classic", "quorum"])
    func `what the broker dead-lettered keeps its ids from look to look, and equal bodies have different ones`(
        _ type: String
    ) throws {
        let arguments: FieldTable = ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(self.dead)]
        try self.withQueues(arguments, dead: ["x-queue-type": .string(type)]) { channel in
            for body in [[1], [1], [2], [1]] as [[UInt8]] { try channel.publish(body, routingKey: self.input) }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            while let delivery = try channel.get(self.input) { try channel.reject(delivery, requeue: false) }
            var seen = 0
            let watch = try Broker.connect()
            defer { watch.close() }
            let consumer = try watch.openChannel()
            try consumer.consume(self.dead)
            while seen < 4, try consumer.nextDelivery(timeout: Patience.long) != nil { seen += 1 }
            consumer.close()
            try self.awaitCount(4, on: channel)
            let ids = self.ids(try self.failed("list", "work"))
            #expect(Set(ids).count == 4)
            // A quorum queue gives them out again as copies by now.
            for _ in 0..<3 { #expect(Set(self.ids(try self.failed("list", "work"))) == Set(ids)) }
            for id in ids { #expect(try self.failed("show", "work", id).output.hasPrefix("id: \(id)\n")) }
            let result = try self.failed("retry", "work", ids[2])
            #expect(result.status == 0, "\(result.errors)")
            #expect(try self.bodies(self.input, on: channel) == [[2]])
            #expect(Set(self.ids(try self.failed("list", "work"))) == Set(ids).subtracting([ids[2]]))
        }
    }

    /// What was given back is there again in the broker's own time.
    private func awaitCount(_ count: Int, on channel: Channel) throws {
        let deadline = MonotonicClock.now() &+ 60_000_000_000
        while try self.count(self.dead, on: channel) < count {
            try #require(MonotonicClock.now() < deadline, "they do not come back")
        }
    }

    // MARK: Many

    @Test(arguments: [("classic", 5000, 0), ("classic", 1000, 9), ("quorum", 2000, 0)])
    func `list and at once list, show and retry: each sees all`(_ type: String, _ count: Int, _ priority: Int) throws {
        var arguments: FieldTable = ["x-queue-type": .string(type)]
        if priority > 0 { arguments["x-max-priority"] = .int64(Int64(priority)) }
        try self.withQueues(dead: arguments) { channel in
            let letters = (0..<count).map { number in
                BasicProperties(
                    deliveryMode: 2,
                    priority: priority > 0 ? UInt8(number % priority) : nil,
                    messageID: "m\(number)"
                )
            }
            try self.bury(letters.map { _ in [120] }, letters, on: channel)
            var first: [String] = []
            for round in 0..<2 {
                let list = try self.failed("list", "work", "--limit", "\(count)")
                #expect(list.status == 0, "\(list.errors)")
                #expect(list.errors == "")
                #expect(list.output.hasSuffix("\(count) of \(count) in '\(self.dead)'\n"))
                let ids = self.ids(list)
                // A busy broker takes up in any order what goes back to a queue, once there is much of it.
                if round == 0 { first = ids } else { #expect(Set(ids) == Set(first), "\(ids.count) ids") }
                #expect(Set(ids).count == count)
            }
            if type == "classic" {
                // All of it back, it is in its order again.
                try self.awaitCount(count, on: channel)
                #expect(self.ids(try self.failed("list", "work", "--limit", "\(count)")) == first)
            }
            #expect(try self.failed("show", "work", "m\(count - 1)").status == 0)
            #expect(try self.failed("remove", "work", "m\(count - 2)").status == 0)
            let result = try self.failed("retry", "work", "--all")
            #expect(result.status == 0)
            #expect(result.errors == "")
            #expect(result.output == "\(count - 1) sent to '\(self.input)'\n")
            #expect(try self.count(self.input, on: channel) == count - 1)
            #expect(try self.count(self.dead, on: channel) == 0)
            // Priorities go along, so that their order is not that of this queue.
            #expect(Set(try self.bodies(self.input, on: channel)) == [[120]])
        }
    }

    @Test func `a look at the first few keeps the order, and leaves the others alone`() throws {
        try self.withQueues { channel in
            try self.bury((0..<300).map { [UInt8($0 % 256)] }, on: channel)
            #expect(self.ids(try self.failed("list", "work", "--limit", "50")) == (0..<50).map { "m\($0)" })
            let messages = try (0..<300).map { _ in try #require(try channel.get(self.dead)) }
            #expect(messages.map(\.redelivered) == (0..<300).map { $0 < 50 })
            #expect(try messages.map { try $0.properties.messageID } == (0..<300).map { "m\($0)" })
            for message in messages { try channel.ack(message) }
        }
    }

    @Test func `a queue with one active consumer, another: what it leaves ready is had all the same`() throws {
        try self.withQueues(dead: ["x-single-active-consumer": true]) { channel in
            try self.bury((0..<30).map { [$0] }, on: channel)
            let other = try Broker.connect()
            defer { other.close() }
            let consumer = try other.openChannel()
            try consumer.prefetch(1)
            try consumer.consume(self.dead)
            _ = try #require(try consumer.nextDelivery(timeout: Patience.long))
            let list = try self.failed("list", "work")
            #expect(list.output.hasSuffix("29 of 29 in '\(self.dead)'\n"))
            #expect(self.ids(list) == (1..<30).map { "m\($0)" })
            #expect(try self.failed("retry", "work", "--all").output == "29 sent to '\(self.input)'\n")
        }
    }

    @Test(arguments: ["classic", "quorum"])
    func `a queue whose consumer lets no other in is looked at all the same`(_ type: String) throws {
        try self.withQueues(dead: ["x-queue-type": .string(type)]) { channel in
            try self.bury((0..<30).map { [$0] }, on: channel)
            let other = try Broker.connect()
            defer { other.close() }
            let consumer = try other.openChannel()
            try consumer.prefetch(1)
            try consumer.consume(self.dead, exclusive: true)
            _ = try #require(try consumer.nextDelivery(timeout: Patience.long))
            let list = try self.failed("list", "work")
            #expect(list.status == 0)
            #expect(list.output.hasSuffix("29 of 29 in '\(self.dead)'\n"), "\(list.errors)")
            #expect(self.ids(list) == (1..<30).map { "m\($0)" })
            #expect(try self.failed("show", "work", "m29").status == 0)
            #expect(try self.failed("retry", "work", "m3").output == "1 sent to '\(self.input)'\n")
            #expect(try self.failed("retry", "work", "--all").output == "28 sent to '\(self.input)'\n")
        }
    }

    @Test func `a quorum queue with one active consumer is read by us as that one, or refused in words`() throws {
        try self.withQueues(dead: ["x-queue-type": "quorum", "x-single-active-consumer": true]) { channel in
            let count = 1200
            let letters = (0..<count).map { BasicProperties(deliveryMode: 2, messageID: "m\($0)") }
            try self.bury(letters.map { _ in [120] }, letters, on: channel)
            for _ in 0..<2 {
                let list = try self.failed("list", "work", "--limit", "\(count)")
                #expect(list.output.hasSuffix("\(count) of \(count) in '\(self.dead)'\n"), "\(list.errors)")
                #expect(Set(self.ids(list)) == Set((0..<count).map { "m\($0)" }))
            }
            #expect(try self.failed("remove", "work", "m7").status == 0)
            let other = try Broker.connect()
            let consumer = try other.openChannel()
            try consumer.prefetch(1)
            try consumer.consume(self.dead)
            _ = try #require(try consumer.nextDelivery(timeout: Patience.long))
            for words in [
                ["list", "work"], ["show", "work", "1"], ["retry", "work", "--all"], ["remove", "work", "m1"],
            ] {
                let command = try self.start(words)
                let result = try Tool.run(command.path, command.arguments)
                #expect(result.status == 1)
                #expect(result.output == "")
                #expect(result.errors.contains("(x-single-active-consumer), and another has it; stop that consumer"))
            }
            other.close()
            try self.awaitCount(count - 1, on: channel)
            let began = MonotonicClock.now()
            #expect(try self.failed("retry", "work", "--all").output == "\(count - 1) sent to '\(self.input)'\n")
            // Each consumer is replaced when it has brought its share, and not after the queue's patience of 5 s.
            #expect(MonotonicClock.now() - began < 30_000_000_000)
            #expect(try self.count(self.dead, on: channel) == 0)
        }
    }

    @Test func `a signal ends a retry after what is on its way, and nothing is lost`() throws {
        try self.withQueues { channel in
            let count = 3000
            try self.bury((0..<count).map { [UInt8($0 / 256), UInt8($0 % 256)] }, on: channel)
            let command = try self.start(["retry", "work", "--all"])
            let child = try Tool.start(command.path, command.arguments)
            let deadline = MonotonicClock.now() &+ 60_000_000_000
            while try self.count(self.input, on: channel) == 0, MonotonicClock.now() < deadline {}
            child.send(SIGTERM)
            #expect([0, 143].contains(child.waitForExit()))
            let sent = try self.count(self.input, on: channel)
            #expect(sent > 0)
            #expect(try self.count(self.dead, on: channel) == count - sent)
        }
    }

    @Test func `what somebody else has in hand is said to be there`() throws {
        try self.withQueues { channel in
            try self.bury((0..<5).map { [$0] }, on: channel)
            let other = try Broker.connect()
            defer { other.close() }
            let consumer = try other.openChannel()
            try consumer.prefetch(2)
            try consumer.consume(self.dead)
            for _ in 0..<2 { _ = try #require(try consumer.nextDelivery(timeout: Patience.long)) }
            let list = try self.failed("list", "work")
            #expect(list.output.hasSuffix("3 of 3 in '\(self.dead)'\n"))
            #expect(list.errors.contains("has another consumer: what they have in hand is not seen here"))
            #expect(try self.failed("retry", "work", "m0").errors.contains("has another consumer"))
            let retry = try self.failed("retry", "work", "--all")
            #expect(retry.status == 0)
            #expect(retry.output == "3 sent to '\(self.input)'\n")
            #expect(retry.errors.contains("has another consumer"))
            #expect(try self.failed("purge", "work", "--yes").errors.contains("has another consumer"))
        }
    }

    @Test(arguments: ["classic", "quorum"])
    func `looking at all keeps the order of a queue of either type`(_ type: String) throws {
        try self.withQueues(dead: ["x-queue-type": .string(type)]) { channel in
            try self.bury((0..<5).map { [$0] }, on: channel)
            for _ in 0..<3 {
                let lines = try self.failed("list", "work").output.split(separator: "\n").prefix(5)
                #expect(lines.map { String($0.split(separator: " ")[1]) } == (0..<5).map { "m\($0)" })
            }
        }
    }

    @Test func `a queue of ours that no dead letter has made yet is empty, not an error`() throws {
        let text = self.text(queues: "{ \(self.input): {} }")
        for words in [["list"], ["retry", "--all"], ["purge", "--yes"]] {
            let command = try self.start([words[0], "work"] + words.dropFirst(), text)
            #expect(try Tool.run(command.path, command.arguments).status == 0, "\(words)")
        }
        #expect(try self.failed("list", "work", text: text).output == "0 of 0 in '\(self.dead)'\n")
        #expect(try self.failed("remove", "work", "m1", text: text).status == 1)
    }

    @Test(arguments: [1, 3])
    func `looking again and again loses nothing, whatever the queue's delivery limit`(_ limit: Int) throws {
        try self.withQueues(dead: ["x-queue-type": "quorum", "x-delivery-limit": .int64(Int64(limit))]) {
            channel in
            let first = BasicProperties(contentType: "text/plain", headers: ["CC": .array(["x"])], messageID: "m0")
            try self.bury(
                (0..<5).map { [$0] },
                [first] + (1..<5).map { BasicProperties(messageID: "m\($0)") },
                on: channel
            )
            for _ in 0..<(3 * limit + 3) {
                let list = try self.failed("list", "work")
                #expect(list.status == 0, "\(list.errors)")
                let ids = list.output.split(separator: "\n").dropLast().map { String($0.split(separator: " ")[1]) }
                #expect(ids == (0..<5).map { "m\($0)" })
            }
            #expect(try self.failed("show", "work", "m0").output.contains("content-type: text/plain"))
            #expect(try self.failed("retry", "work", "--all").output == "5 sent to '\(self.input)'\n")
        }
    }

    @Test func `mistakes: 64 for usage and a queue that the file does not tell, 78 for the file, 69 without a broker`()
        throws
    {
        #expect(try self.failed("list", "nobody").status == 64)
        #expect(try self.failed("retry", "work").status == 64)
        #expect(try self.failed("retry", "work", "m", "--all").status == 64)
        #expect(try self.failed("remove", "work").status == 64)
        #expect(try self.failed("list", "work", "--limit", "0").status == 64)
        #expect(try self.failed("purge", "work").status == 64)
        #expect(try self.failed("list", "work", text: "version: 2").status == 78)
        let nowhere = "amqp://127.0.0.1:1"
        #expect(try self.failed("list", "work", text: self.text(uri: nowhere)).status == 69)
        let lost = self.text(
            uri: nowhere,
            queues: "{ \(self.input): { dead_letter: { exchange: dlx, routing_key: k } } }",
            exchanges: "{ dlx: {} }"
        )
        let unknown = try self.failed("list", "work", text: lost)
        #expect(unknown.status == 64)
        #expect(unknown.errors.contains("name the one with --queue"))
        try self.withQueues { channel in
            try self.bury([[1]], on: channel)
            let named = self.text(
                queues: "{ \(self.input): { dead_letter: { exchange: dlx, routing_key: k } } }",
                exchanges: "{ dlx: {} }"
            )
            #expect(try self.failed("list", "work", "--queue", self.dead, text: named).output.contains("1 of 1"))
            let missing = try self.failed("list", "work", "--queue", self.dead + ".not")
            #expect(missing.status == 1)
            #expect(missing.errors.contains("404 NOT_FOUND"))
        }
    }
}
