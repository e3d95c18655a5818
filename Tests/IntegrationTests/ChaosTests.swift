import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// The built `millrace` over jobs in all three publish modes, while broker, connections, channels, exchange and the
/// supervisor itself are killed at random.
///
/// `MILLRACE_CHAOS_SECONDS` says for how long (`ops/chaos`), `MILLRACE_SEED` repeats the choices.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && Tool.isBuilt, "needs AMQP_URL and a release build; ops/test has both"),
    .timeLimit(.minutes(1440))
)
struct ChaosTests {
    enum Blow: String, CaseIterable {
        case closeConnection, killChannels, deleteExchange, terminate, kill, killBroker
    }

    private static let modes = ["confirm", "tx", "none"]
    private static let seconds =
        ProcessInfo.processInfo.environment["MILLRACE_CHAOS_SECONDS"].flatMap(Int.init) ?? 20
    /// Orders per second and mode; a job begins no more than that, so that there is work at every blow.
    private static let rate = 250
    /// Of each mode.
    private static let orders = max(4000, Self.seconds * Self.rate)

    private let folder: Scratch
    private let file: String

    init() throws {
        self.folder = try Scratch()
        var text = """
            version: 1
            connection:
              uri: ${AMQP_URL}
              recovery: { initial_interval: 50ms, max_interval: 500ms }
            plugins: ["\(Tool.plugin)"]
            shutdown_timeout: 60s
            defaults:
              threads: 2
              prefetch: 40
              rate_limit: { allowed: \(Self.rate), interval: 1s }
              retry: { max_attempts: 1000, initial_interval: 200ms, multiplier: 1 }
            exchanges:
              billing: { type: direct }

            """
        text += "queues:\n"
        for mode in Self.modes {
            text += "  orders.\(mode): {}\n"
            text += "  invoices.\(mode): { bindings: [ { exchange: billing, routing_key: \(mode) } ] }\n"
        }
        text += "jobs:\n"
        for mode in Self.modes {
            let batch = mode == "tx" ? ", batch: { size: 20, timeout: 5ms }" : ""
            text += """
                  \(mode):
                    queue: orders.\(mode)
                    handler: examples.order
                    publish: { mode: \(mode)\(batch) }
                    with: { exchange: billing, routing_key: \(mode) }

                """
        }
        self.file = try self.folder.write("jobs.yaml", text)
    }

    @Test func `random kills of everything: no input lost, no output of an acked input lost`() throws {
        var seed = Seed()
        print("chaos: \(seed.replay), \(Self.seconds) s, \(Self.orders) orders in each of \(Self.modes)")
        let broker = try ChaosBroker(folder: self.folder.path + "/broker")
        defer { broker.stop() }
        try self.publishOrders(broker)
        var process = try self.start(broker)
        let end = MonotonicClock.now() + UInt64(Self.seconds) * 1_000_000_000
        var blows: [Blow: Int] = [:]
        var next = Blow.allCases.shuffled(using: &seed)[...]  // each at least once, if there is time
        while MonotonicClock.now() < end {
            let blow = next.popFirst() ?? Self.draw(&seed)
            blows[blow, default: 0] += 1
            switch blow {
            case .closeConnection: try broker.control("close_all_connections", "chaos")
            case .killChannels: try broker.failChannels(oneIn: Int.random(in: 1...4, using: &seed))
            case .deleteExchange: try self.loseExchange(broker, for: .random(in: 10...400, using: &seed))
            case .terminate, .kill:
                process.send(blow == .kill ? SIGKILL : SIGTERM)
                let status = process.waitForExit()
                if blow == .terminate { #expect(status == 0 || status == 1, "\(seed.replay)") }
                process = try self.start(broker)
            case .killBroker: try broker.restart()
            }
            Self.pass(.random(in: 50...1500, using: &seed))
        }
        print("chaos: \(blows.map { "\($0.key.rawValue) \($0.value)" }.sorted().joined(separator: ", "))")
        try self.loseExchange(broker, for: 0)
        try self.expectAll(broker, seed)
        process.send(SIGTERM)
        #expect(process.waitForExit() == 0, "\(seed.replay)")
    }

    /// The broker takes long to come back, so it is not killed as often as the rest.
    private static func draw(_ seed: inout Seed) -> Blow {
        let blow = Blow.allCases.randomElement(using: &seed) ?? .kill
        return blow == .killBroker && Bool.random(using: &seed) ? .killChannels : blow
    }

    /// Lets the jobs work for a while.
    private static func pass(_ milliseconds: Int) {
        let never = Monitor(false)
        _ = never.wait(until: MonotonicClock.deadline(in: .milliseconds(milliseconds))) { $0 ? true : nil }
    }

    private func start(_ broker: ChaosBroker) throws -> Child {
        try Tool.start(
            Tool.millrace,
            ["run", self.file, "--log-level", "critical"],
            environment: ["AMQP_URL": broker.uri]
        )
    }

    private func publishOrders(_ broker: ChaosBroker) throws {
        let declared = try Tool.run(Tool.millrace, ["declare", self.file], environment: ["AMQP_URL": broker.uri])
        try #require(declared.status == 0, "\(declared.errors)")
        let connection = try Broker.connect(to: broker.endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.deliveryMode = 2
        for number in 0..<Self.orders {
            let order =
                "{\"id\":\"\(number)\",\"customer\":\"c\",\"currency\":\"EUR\","
                + "\"lines\":[{\"sku\":\"a\",\"quantity\":1,\"unit_price\":\"1.00\"}]}"
            for mode in Self.modes {
                try channel.publish(Array(order.utf8), routingKey: "orders.\(mode)", properties: properties)
            }
        }
        #expect(try channel.awaitConfirms(timeout: .seconds(120)) == [])
    }

    /// Deletes the exchange, so that every channel that publishes to it ends, and makes it again.
    private func loseExchange(_ broker: ChaosBroker, for milliseconds: Int) throws {
        let connection = try Broker.connect(to: broker.endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.deleteExchange("billing")
        Self.pass(milliseconds)
        try channel.declareExchange("billing", type: "direct", durable: true)
        for mode in Self.modes { try channel.bindQueue("invoices.\(mode)", to: "billing", routingKey: mode) }
    }

    /// Waits until the inputs are worked off, and counts what came out.
    private func expectAll(_ broker: ChaosBroker, _ seed: Seed) throws {
        let connection = try Broker.connect(to: broker.endpoint)
        defer { connection.close() }
        let channel = try connection.openChannel()
        for mode in Self.modes {
            var bills: [String: Int] = [:]
            try channel.consume("invoices.\(mode)", tag: mode)
            let deadline = MonotonicClock.now() + UInt64(60 + Self.seconds * 4) * 1_000_000_000
            var isIdle = false
            // Quiet for a second and nothing left to do, twice in a row: what waits for a retry comes within less.
            while MonotonicClock.now() < deadline {
                if let delivery = try channel.nextDelivery(timeout: .seconds(1)) {
                    bills[try #require(try delivery.properties.correlationID), default: 0] += 1
                    try channel.ack(delivery)
                    isIdle = false
                } else if try broker.backlog(of: "orders.\(mode)") == 0 {
                    if isIdle { break }
                    isIdle = true
                }
            }
            try channel.cancel(mode)
            let left = try broker.backlog(of: "orders.\(mode)")
            let dead = try broker.backlog(of: "orders.\(mode).dead")
            let lost = Self.orders - bills.count
            let duplicates = bills.values.reduce(0) { $0 + $1 - 1 }
            print("chaos: \(mode): \(Self.orders) inputs, \(lost) outputs missing, \(duplicates) duplicates")
            #expect(left == 0, "\(mode): inputs stay in their queue; \(seed.replay)")
            #expect(dead == 0, "\(mode): nobody is to blame; \(seed.replay)")
            // `none` promises nothing of its outputs.
            if mode != "none" { #expect(lost == 0, "\(mode): outputs lost; \(seed.replay)") }
        }
    }
}
