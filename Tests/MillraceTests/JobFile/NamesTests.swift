import AMQPWire
import Testing

@testable import Millrace

/// `names`: one file, several environments.
@Suite struct NamesTests {
    private static func text(_ names: String) -> String {
        """
        version: 1
        connection: { uri: amqp://a }
        \(names)
        exchanges:
          events: { type: topic, bindings: [{ exchange: amq.topic, routing_key: "#" }], arguments: { alternate-exchange: rest } }
          rest: { type: fanout }
        queues:
          orders:
            bindings: [{ exchange: events, routing_key: "order.#" }, { exchange: shared, routing_key: a }]
            dead_letter: { routing_key: orders.dead }
          orders.dead: { bindings: [{ exchange: rest }] }
          late: { dead_letter: { exchange: events, routing_key: order.late } }
        schedules:
          nightly: { cron: "30 2 * * *", queue: orders }
        jobs:
          orders: { queue: orders, handler: p.h, with: { routing_key: bills } }
          resize: { queue: pictures, handler: { exec: [resize], output: { routing_key: thumbs } } }
        """
    }

    private static func parse(_ names: String, _ environment: [String: String] = ["ENV": "dev"]) throws -> JobFile {
        try JobFileFixture.parse(Self.text(names), environment: environment)
    }

    @Test func `every queue and exchange of the file has the prefix, wherever it is spoken of`() throws {
        let file = try Self.parse("names: { prefix: \"${ENV}-\", except: [shared] }")
        #expect(file.exchanges.map(\.name) == ["dev-events", "dev-rest"])
        #expect(file.exchanges[0].bindings.map(\.exchange) == ["amq.topic"])
        #expect(file.exchanges[0].arguments == ["alternate-exchange": .string("dev-rest")])
        #expect(file.queues.map(\.name) == ["dev-orders", "dev-orders.dead", "dev-late"])
        #expect(file.queues[0].bindings.map(\.exchange) == ["dev-events", "shared"])
        #expect(file.queues[0].bindings.map(\.routingKey) == ["order.#", "a"])
        #expect(file.queues[0].deadLetter?.routingKey == "dev-orders.dead")
        #expect(file.queues[0].deadLetter?.exchange == "")
        #expect(file.queues[2].deadLetter?.exchange == "dev-events")
        #expect(file.queues[2].deadLetter?.routingKey == "order.late")
        #expect(file.schedules[0].queue == "dev-orders")
        #expect(file.schedules[0].clockQueue == "dev-millrace.clock.nightly")
        #expect(file.jobs.map(\.queue) == ["dev-orders", "dev-pictures"])
        #expect(file.jobs.map(\.name) == ["orders", "resize"])
        #expect(file.jobs[0].with["routing_key"] == .string("bills"))
        #expect(file.jobs[1].with["queue"] == .string("dev-pictures"))
    }

    @Test func `what is asked of the broker, and where copies go, has it too`() throws {
        let file = try Self.parse("names: { prefix: dev-, except: [shared] }")
        let items = file.declarations().map { "\($0.item)" }
        #expect(items.contains { $0.contains("dev-orders.dead") })
        for item in items { #expect(item.contains("dev-") && !item.contains("'orders"), "\(item)") }
        let topology = Topology(file)
        #expect(topology.deadLetter(of: "dev-orders").name == "dev-orders.dead")
        #expect(topology.deadLetter(of: "dev-pictures").name == "dev-pictures.dead")
    }

    @Test(arguments: ["", "names: { prefix: \"\" }", "names: { prefix: \"${NONE:-}\" }"])
    func `without a prefix names stay`(names: String) throws {
        let file = try Self.parse(names)
        #expect(file == (try Self.parse("")))
        #expect(file.names == nil)
        #expect(file.jobs[0].queue == "orders")
    }

    @Test func `outputs go where the file's names say, and other names are the broker's`() throws {
        let file = try Self.parse("names: { prefix: dev-, except: [shared] }")
        let names = try #require(OutputNames(file.names))
        func place(_ exchange: String, _ key: String) -> String {
            let output = Publication(
                exchange: Array(exchange.utf8),
                routingKey: Array(key.utf8),
                properties: BasicProperties(),
                body: [1, 2]
            )
            let renamed = names.onBroker(output)
            #expect(renamed.body == [1, 2])
            return String(decoding: renamed.exchange + [0x2F] + renamed.routingKey, as: UTF8.self)
        }
        #expect(place("", "orders") == "/dev-orders")
        #expect(place("", "orders.dead") == "/dev-orders.dead")
        #expect(place("", "pictures") == "/dev-pictures")
        // The output of a program stands in the file.
        #expect(place("", "thumbs") == "/dev-thumbs")
        #expect(place("events", "orders") == "dev-events/orders")
        #expect(place("shared", "orders") == "shared/orders")
        #expect(place("amq.topic", "orders") == "amq.topic/orders")
        // A reply-to, a name that is the broker's already, and what nobody has written down.
        #expect(place("", "amq.gen-abc") == "/amq.gen-abc")
        #expect(place("", "dev-orders") == "/dev-orders")
        #expect(place("", "bills") == "/bills")
        #expect(place("elsewhere", "orders") == "elsewhere/orders")
    }

    @Test func `another file has other names for outputs`() throws {
        let output = Publication(
            exchange: [],
            routingKey: Array("orders".utf8),
            properties: BasicProperties(),
            body: []
        )
        let topology = Topology(try Self.parse(""))
        #expect(topology.onBroker([output])[0].routingKey == Array("orders".utf8))
        topology.replace(try Self.parse("names: { prefix: dev-, except: [shared] }"))
        #expect(topology.onBroker([output])[0].routingKey == Array("dev-orders".utf8))
        topology.replace(try Self.parse(""))
        #expect(topology.onBroker([output])[0].routingKey == Array("orders".utf8))
    }

    @Test(arguments: [
        ("names: { prefix: amq.dev- }", "'prefix' is 'amq.dev-', and names with 'amq.' are the broker's"),
        (
            "names: { prefix: \(String(repeating: "a", count: 41)) }",
            "'prefix' has 41 bytes, and names that it is part of have at most 255"
        ),
        ("names: { prefix: dev-, except: [event] }", "'except' names 'event', and nothing in the file is called so"),
        ("names: { except: [events] }", "'names' has no 'prefix'"),
        ("prefix: dev-", "'prefix' is called 'names' here: {prefix: ...}"),
    ])
    func `what can not be is said`(names: String, message: String) throws {
        let problems = JobFileFixture.problems(Self.text(names))
        #expect(problems.count == 1)
        #expect(problems.first?.message == message)
    }

    @Test func `a name that is too long with its prefix is no name`() {
        let name = String(repeating: "q", count: 250)
        let text = """
            version: 1
            connection: { uri: amqp://a }
            names: { prefix: staging- }
            jobs: { a: { queue: \(name), handler: p.h } }
            """
        let message = JobFileFixture.problems(text).first?.message ?? ""
        #expect(message.hasPrefix("with its prefix 'staging-qqq"), "\(message)")
        #expect(message.hasSuffix(" has 258 bytes; AMQP allows 255"), "\(message)")
    }
}
