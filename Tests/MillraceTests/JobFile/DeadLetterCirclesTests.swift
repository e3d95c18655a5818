import Millrace
import Testing

/// Which ways dead letters go round by, as values; and what `check` says of them.
@Suite struct DeadLetterCirclesTests {
    private static let place = SourceLocation(file: "jobs.yaml", line: 1, column: 1)

    private static func queue(
        _ name: String,
        to key: String? = nil,
        by exchange: String = "",
        ttl: Duration? = nil,
        maxLength: Int? = nil,
        overflow: QueueDefinition.Overflow? = nil,
        declare: DeclareMode = .active,
        bound: [(exchange: String, key: String)] = []
    ) -> QueueDefinition {
        QueueDefinition(
            name: name,
            declare: declare,
            bindings: bound.map { Binding(exchange: $0.exchange, routingKey: $0.key, location: Self.place) },
            deadLetter: key == nil && exchange.isEmpty
                ? nil : DeadLetter(exchange: exchange, routingKey: key, location: Self.place),
            messageTTL: ttl,
            maxLength: maxLength,
            overflow: overflow,
            location: Self.place
        )
    }

    private static func exchange(
        _ name: String,
        _ type: String,
        bound: [(exchange: String, key: String)] = []
    ) -> ExchangeDefinition {
        ExchangeDefinition(
            name: name,
            type: type,
            bindings: bound.map { Binding(exchange: $0.exchange, routingKey: $0.key, location: Self.place) },
            location: Self.place
        )
    }

    private static func circles(
        _ queues: [QueueDefinition],
        _ exchanges: [ExchangeDefinition] = [],
        jobs: [String],
        onFailure: FailureAction = .retry
    ) -> [DeadLetterCircles.Circle] {
        let handler = HandlerName(plugin: "p", handler: "h")
        return DeadLetterCircles(
            queues: queues,
            exchanges: exchanges,
            jobs: jobs.map { queue in
                JobDefinition(
                    name: "job of \(queue)",
                    queue: queue,
                    handler: handler,
                    onFailure: onFailure,
                    location: Self.place
                )
            }
        ).all
    }

    private func circle(_ queues: String..., pace: DeadLetterCircles.Pace) -> DeadLetterCircles.Circle {
        DeadLetterCircles.Circle(queues: queues, pace: pace)
    }

    // MARK: By name

    @Test func `a queue that is its own target`() {
        #expect(Self.circles([Self.queue("a", to: "a")], jobs: ["a"]) == [self.circle("a", pace: .atOnce)])
    }

    @Test func `several queues, each with a job`() {
        let queues = [
            Self.queue("a", to: "b"), Self.queue("b", to: "c"), Self.queue("c", to: "a"), Self.queue("d", to: "a"),
        ]
        #expect(Self.circles(queues, jobs: ["a", "b", "c", "d"]) == [self.circle("a", "b", "c", pace: .atOnce)])
    }

    @Test func `a target without a job and without a limit keeps what it gets`() {
        let queues = [Self.queue("a", to: "b"), Self.queue("b", to: "a")]
        #expect(Self.circles(queues, jobs: ["a"]) == [])
        #expect(Self.circles([Self.queue("a", to: "a")], jobs: []) == [])
        #expect(Self.circles([Self.queue("a", to: "a.dead"), Self.queue("a.dead")], jobs: ["a"]) == [])
    }

    @Test func `a job's queue without dead_letter has a target of its own name`() {
        let queues = [Self.queue("a"), Self.queue("a.dead", to: "a")]
        #expect(Self.circles(queues, jobs: ["a", "a.dead"]) == [self.circle("a", "a.dead", pace: .atOnce)])
        // The queue that is not in the file is the broker's: its job has a target of its own all the same.
        #expect(
            Self.circles([Self.queue("b.dead", to: "b")], jobs: ["b", "b.dead"]) == [
                self.circle("b.dead", "b", pace: .atOnce)
            ]
        )
        #expect(Self.circles([Self.queue("a"), Self.queue("a.dead")], jobs: ["a", "a.dead"]) == [])
    }

    // MARK: Waits and limits

    @Test func `a queue that holds each message for a time`() {
        let queues = [Self.queue("a", to: "b"), Self.queue("b", to: "a", ttl: .seconds(30))]
        #expect(Self.circles(queues, jobs: ["a"]) == [self.circle("a", "b", pace: .held(.seconds(30)))])
        let three = [
            Self.queue("a", to: "b"), Self.queue("b", to: "c", ttl: .seconds(30)),
            Self.queue("c", to: "a", ttl: .seconds(5)),
        ]
        #expect(Self.circles(three, jobs: ["a"]) == [self.circle("a", "b", "c", pace: .held(.seconds(35)))])
        // With a job on it it is not waited for.
        #expect(Self.circles(queues, jobs: ["a", "b"]) == [self.circle("a", "b", pace: .atOnce)])
        let none = [Self.queue("a", to: "b"), Self.queue("b", to: "a", ttl: .zero)]
        #expect(Self.circles(none, jobs: ["a"]) == [self.circle("a", "b", pace: .atOnce)])
    }

    @Test func `a queue that pushes out what it has no room for`() {
        func queues(_ overflow: QueueDefinition.Overflow?) -> [QueueDefinition] {
            [Self.queue("a", to: "b"), Self.queue("b", to: "a", maxLength: 10, overflow: overflow)]
        }
        #expect(Self.circles(queues(nil), jobs: ["a"]) == [self.circle("a", "b", pace: .sometimes)])
        #expect(Self.circles(queues(.rejectPublish), jobs: ["a"]) == [])
    }

    @Test func `without a job on the way the broker drops what comes round`() {
        let queues = [Self.queue("a", to: "b", ttl: .seconds(1)), Self.queue("b", to: "a", ttl: .seconds(1))]
        #expect(Self.circles(queues, jobs: []) == [self.circle("a", "b", pace: .dropped)])
        // What somebody else declares is not known.
        let foreign = [
            Self.queue("a", to: "b", ttl: .seconds(1), declare: .passive), Self.queue("b", to: "a", ttl: .seconds(1)),
        ]
        #expect(Self.circles(foreign, jobs: []) == [])
    }

    @Test func `a job whose failures are no dead letters still refuses messages`() {
        let queues = [Self.queue("a", to: "a")]
        #expect(Self.circles(queues, jobs: ["a"], onFailure: .discard) == [self.circle("a", pace: .sometimes)])
        #expect(Self.circles(queues, jobs: ["a"], onFailure: .requeue) == [self.circle("a", pace: .sometimes)])
        #expect(Self.circles(queues, jobs: ["a"], onFailure: .reject) == [self.circle("a", pace: .atOnce)])
    }

    // MARK: By exchanges

    private static let bound: [(type: String, key: String, deadKey: String?, pace: DeadLetterCircles.Pace)] = [
        ("direct", "k", "k", .atOnce), ("topic", "k.*", "k.1", .atOnce), ("topic", "#", nil, .atOnce),
        ("fanout", "", nil, .atOnce), ("direct", "k", nil, .sometimes), ("topic", "k.*", nil, .sometimes),
        ("headers", "", "k", .sometimes), ("x-own", "k", "k", .sometimes),
    ]

    @Test(arguments: bound)
    func `by an exchange and a binding`(
        _ type: String,
        _ bound: String,
        _ key: String?,
        _ pace: DeadLetterCircles.Pace
    ) {
        let queue = Self.queue("a", to: key, by: "dlx", bound: [("dlx", bound)])
        #expect(Self.circles([queue], [Self.exchange("dlx", type)], jobs: ["a"]) == [self.circle("a", pace: pace)])
    }

    @Test(arguments: [("direct", "k", "l"), ("topic", "k.*", "k"), ("direct", "#", "k")])
    func `a key that the binding does not take`(_ type: String, _ bound: String, _ key: String) {
        let queue = Self.queue("a", to: key, by: "dlx", bound: [("dlx", bound)])
        #expect(Self.circles([queue], [Self.exchange("dlx", type)], jobs: ["a"]) == [])
    }

    @Test func `by an exchange that is not in the file`() {
        let queue = Self.queue("a", to: "k", by: "dlx", bound: [("dlx", "k")])
        #expect(Self.circles([queue], jobs: ["a"]) == [self.circle("a", pace: .sometimes)])
        #expect(Self.circles([Self.queue("a", to: "k", by: "dlx")], jobs: ["a"]) == [])
    }

    @Test func `by bindings between exchanges, also in a circle of their own`() {
        let exchanges = [
            Self.exchange("dlx", "fanout", bound: [("far", "")]),
            Self.exchange("far", "fanout", bound: [("dlx", "")]),
        ]
        let queues = [Self.queue("a", to: "k", by: "dlx"), Self.queue("b", to: "a", bound: [("far", "")])]
        #expect(Self.circles(queues, exchanges, jobs: ["a", "b"]) == [self.circle("a", "b", pace: .atOnce)])
    }

    @Test func `of two ways the faster is told of, and each circle once`() {
        let exchanges = [Self.exchange("dlx", "fanout")]
        let queues = [
            Self.queue("a", by: "dlx"), Self.queue("slow", to: "a", ttl: .seconds(1), bound: [("dlx", "")]),
            Self.queue("fast", to: "a", bound: [("dlx", "")]), Self.queue("c", to: "c"),
        ]
        #expect(
            Self.circles(queues, exchanges, jobs: ["a", "fast", "c"]) == [
                self.circle("a", "fast", pace: .atOnce), self.circle("c", pace: .atOnce),
                self.circle("slow", "a", pace: .held(.seconds(1))),
            ]
        )
    }

    // MARK: In a file

    @Test func `one circle is an error, or a warning, and a good file has none`() throws {
        func problems(_ queues: String) -> [String] {
            JobFileFixture.problems(
                """
                version: 1
                connection: { uri: amqp://a }
                queues: \(queues)
                jobs:
                  one: { queue: a, handler: p.h }
                """
            ).map { "\($0.severity) \($0.id)" }
        }
        #expect(problems("{ a: { dead_letter: { routing_key: a } } }") == ["error dead-letter-circle"])
        let target = "a: { dead_letter: { routing_key: b } }"
        #expect(
            problems("{ \(target), b: { dead_letter: { routing_key: a }, message_ttl: 1s } }")
                == ["warning dead-letter-circle"]
        )
        #expect(problems("{ \(target), b: { dead_letter: { routing_key: a } } }") == [])
    }
}
