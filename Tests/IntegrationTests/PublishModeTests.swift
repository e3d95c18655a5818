import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// How often each message was handled, by its number.
private let runs = Monitor<[String: Int]>([:])

/// Publishes to every address that the message names: "NUMBER exchange/key exchange/key".
private struct Routing: SyncJobHandler {
    init(_ options: HandlerOptions) {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let words = String(decoding: message.bodyBytes, as: UTF8.self).split(separator: " ").map(String.init)
        runs.withLock { $0[words[0], default: 0] += 1 }
        for address in words.dropFirst() {
            let parts = address.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            try context.publish(Array(words[0].utf8), exchange: parts[0], routingKey: parts[1])
        }
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.routing", Routing.self)])

/// What `publish` promises, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct PublishModeTests {
    private let input = Broker.unique("modes")
    private var output: String { self.input + ".out" }
    private var full: String { self.input + ".full" }
    private var dead: String { self.input + ".dead" }

    private func jobFile(_ publish: String, prefetch: Int = 50) throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues:
              \(self.input): { dead_letter: { routing_key: \(self.dead) } }
              \(self.dead): {}
              \(self.output): {}
              \(self.full): { max_length: 1, overflow: reject-publish }
            jobs:
              work:
                queue: \(self.input)
                handler: tests.routing
                prefetch: \(prefetch)
                on_failure: reject
                publish: \(publish)
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    /// Declares the file's queues, fills the small one, and publishes inputs numbered by their place.
    private func prepare(_ file: JobFile, _ addresses: [String]) throws -> Channel {
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let channel = try Broker.connect().openChannel()
        try channel.selectConfirms()
        try channel.publish(Array("fills it".utf8), routingKey: self.full)
        try self.publish(addresses, on: channel)
        return channel
    }

    private func publish(_ addresses: [String], on channel: Channel) throws {
        for (index, address) in addresses.enumerated() {
            try channel.publish(Array("\(self.input).\(index) \(address)".utf8), routingKey: self.input)
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    private func counts(_ queue: String, _ channel: Channel) throws -> Int {
        try channel.declareQueue(queue, passive: true).messageCount
    }

    private func remove(_ channel: Channel) throws {
        for queue in [self.input, self.output, self.full, self.dead] { try channel.deleteQueue(queue) }
        channel.close()
    }

    /// Takes everything out of a queue; gives how often each body was there.
    private func take(_ queue: String, _ channel: Channel) throws -> [String: Int] {
        var bodies: [String: Int] = [:]
        while let message = try channel.get(queue) {
            bodies[String(decoding: message.body, as: UTF8.self), default: 0] += 1
            try channel.ack(message)
        }
        return bodies
    }

    private static func number(_ body: String) -> String { body.prefix { $0 != " " }.description }

    enum Fault: String, CaseIterable { case unroutable, noExchange }

    static let modes = [
        "{ mode: confirm }", "{ mode: confirm, batch: { size: 20 } }", "{ mode: tx }",
        "{ mode: tx, batch: { size: 7 } }",
    ]

    @Test(arguments: Self.modes, Fault.allCases)
    func `an output that can not be delivered fails its own input and no neighbour`(mode: String, fault: Fault) throws {
        let file = try self.jobFile(mode)
        let good = "/\(self.output)"
        let bad =
            switch fault {
            case .unroutable: "/\(self.input).nowhere"
            case .noExchange: "\(self.input).nowhere/x"
            }
        let addresses = (0..<90).map { $0 % 30 == 17 ? "\(good) \(bad)" : $0 % 2 == 0 ? good : "\(good) \(good)" }
        let channel = try self.prepare(file, addresses)
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)

        #expect(supervisor.counts.acked == 87)
        #expect(supervisor.counts.rejected == 3)
        #expect(supervisor.counts.received == 90)
        #expect(supervisor.counts.droppedAcks == 0)
        let handled = runs.withLock { $0.filter { $0.key.hasPrefix(self.input + ".") } }
        #expect(handled.count == 90)
        #expect(handled.values.allSatisfy { $0 == 1 }, "no neighbour's handler runs again")
        #expect(try self.counts(self.input, channel) == 0)
        let dead = try self.take(self.dead, channel)
        #expect(Set(dead.keys.map(Self.number)) == Set([17, 47, 77].map { "\(self.input).\($0)" }))
        let outputs = try self.take(self.output, channel)
        for (index, address) in addresses.enumerated() where index % 30 != 17 {
            let count = outputs["\(self.input).\(index)"] ?? 0
            let wanted = address.split(separator: " ").count
            // When the channel ends, the outputs of neighbours may go again: at least once.
            #expect(fault == .unroutable ? count == wanted : count >= wanted, "\(index): \(count) of \(wanted)")
        }
        #expect(try self.take(self.full, channel).count == 1)
        try self.remove(channel)
    }

    @Test(arguments: Self.modes)
    func `a full queue fails nobody: what it refuses goes again when there is room, and neighbours do not wait`(
        mode: String
    ) throws {
        let file = try self.jobFile(mode, prefetch: 100)
        let addresses = (0..<90).map { $0 % 30 == 17 ? "/\(self.output) /\(self.full)" : "/\(self.output)" }
        let channel = try self.prepare(file, addresses)
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning {
            #expect(supervisor.wait { $0.counts.acked == 87 })
            #expect(supervisor.counts.settled == 87)
            for round in 1...3 {
                // Makes room for one.
                let message = try channel.get(self.full, noAck: true)
                #expect(message != nil)
                #expect(supervisor.wait { $0.counts.acked == 87 + round })
            }
        }
        #expect(supervisor.counts.received == 90)
        #expect(supervisor.counts.settled == 90)
        let handled = runs.withLock { $0.filter { $0.key.hasPrefix(self.input + ".") } }
        #expect(handled.count == 90)
        #expect(handled.values.allSatisfy { $0 == 1 }, "no handler runs again")
        #expect(try self.counts(self.input, channel) == 0)
        let outputs = try self.take(self.output, channel)
        #expect(outputs.count == 90)
        #expect(outputs.values.allSatisfy { $0 >= 1 })
        if mode.contains("confirm") { #expect(outputs.values.allSatisfy { $0 == 1 }, "\(outputs)") }
        try self.remove(channel)
    }

    @Test(arguments: ["{ mode: confirm }", "{ mode: tx }"])
    func `a drain gives back what a full queue refuses`(mode: String) throws {
        let file = try self.jobFile(mode)
        let channel = try self.prepare(file, Array(repeating: "/\(self.full)", count: 5))
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning { #expect(supervisor.wait { $0.counts.received == 5 }) }
        #expect(supervisor.counts.givenBack == 5)
        #expect(try self.counts(self.input, channel) == 5)
        #expect(try self.counts(self.dead, channel) == 0)
        try self.remove(channel)
    }

    @Test func `acks that share the commit with their outputs lose the message; ours does not`() throws {
        let file = try self.jobFile("{ mode: tx }")
        let channel = try self.prepare(file, ["/\(self.full)"])
        // The naive way, by hand: output and ack in one transaction.
        let naive = try Broker.connect().openChannel()
        try naive.selectTransactions()
        let message = try #require(try naive.get(self.input))
        try naive.publish(message.body, routingKey: self.full)
        try naive.ack(message)
        let error = try #require(Self.error { () throws(AMQPError) in try naive.commit() })
        #expect(error.code.rawValue == 406)
        // Acked, and its output refused: it is nowhere.
        #expect(try self.counts(self.input, channel) == 0)
        #expect(try self.counts(self.full, channel) == 1)
        #expect(try self.counts(self.dead, channel) == 0)

        try self.publish(["/\(self.full)"], on: channel)
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning { #expect(supervisor.wait { $0.counts.received == 1 }) }
        #expect(supervisor.counts.givenBack == 1)
        #expect(try self.counts(self.input, channel) == 1)
        try self.remove(channel)
    }

    private static func error(_ body: () throws(AMQPError) -> Void) -> AMQPError? {
        do throws(AMQPError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ["confirm", "tx"])
    func `a batch waits for others, goes when it is full, and a drain waits for nobody`(mode: String) throws {
        let file = try self.jobFile("{ mode: \(mode), batch: { size: 10, timeout: 60s } }")
        let channel = try self.prepare(file, [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning {
            try self.publish(Array(repeating: "/\(self.output)", count: 9), on: channel)
            #expect(supervisor.wait { $0.counts.received == 9 })
            #expect(supervisor.counts.acked == 0)
            #expect(try self.counts(self.output, channel) == 0)
            try self.publish(["/\(self.output)"], on: channel)
            #expect(supervisor.wait { $0.counts.acked == 10 })
            #expect(try self.counts(self.output, channel) == 10)
            try self.publish(Array(repeating: "/\(self.output)", count: 3), on: channel)
            #expect(supervisor.wait { $0.counts.received == 13 })
        }
        #expect(supervisor.counts.acked == 13)
        #expect(try self.counts(self.output, channel) == 13)
        try self.remove(channel)
    }

    @Test(arguments: ["confirm", "tx"])
    func `a batch that does not fill goes when its time is over`(mode: String) throws {
        let file = try self.jobFile("{ mode: \(mode), batch: { size: 10, timeout: 50ms } }")
        let channel = try self.prepare(file, ["/\(self.output)", "/\(self.output)"])
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning { #expect(supervisor.wait { $0.counts.acked == 2 }) }
        try self.remove(channel)
    }

    @Test func `mode none: every output goes out once, and is counted`() throws {
        let file = try self.jobFile("{ mode: none }")
        let channel = try self.prepare(
            file,
            (0..<50).map { $0 % 2 == 0 ? "/\(self.output)" : "/\(self.output) /\(self.output)" }
        )
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        #expect(supervisor.counts.acked == 50)
        #expect(supervisor.counts.published == 75)
        let wanted = (0..<50).map { ("\(self.input).\($0)", $0 % 2 + 1) }
        #expect(try self.take(self.output, channel) == Dictionary(uniqueKeysWithValues: wanted))
        try self.remove(channel)
    }

    @Test func `mode none: outputs go out, the ack follows at once, and a missing exchange costs no input`() throws {
        let file = try self.jobFile("{ mode: none }")
        let channel = try self.prepare(
            file,
            (0..<50).map { $0 == 20 ? "\(self.input).nowhere/x" : "/\(self.output)" }
        )
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        #expect(supervisor.counts.acked + supervisor.counts.rejected == 50)
        #expect(supervisor.counts.received == 50)
        #expect(try self.counts(self.input, channel) == 0)
        // What went before the bad one is there; what follows it may be lost with its channel.
        let outputs = try self.take(self.output, channel)
        for number in 0..<20 { #expect(outputs["\(self.input).\(number)"] == 1, "\(number)") }
        #expect(outputs.values.allSatisfy { $0 == 1 }, "\(outputs)")
        try self.remove(channel)
    }
}
