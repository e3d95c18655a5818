import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Idle: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

/// A file with schedules, whose queues and clock queues are a test's own, and what comes out.
private struct ScheduleRig {
    static let plugin = MillracePlugin(name: "scheduled", [.sync("scheduled.idle", Idle.self)])
    let name = Broker.unique("schedule")
    var queue: String { self.name + ".ticks" }
    var work: String { self.name + ".work" }
    /// What each schedule's name begins with.
    var beat: String { self.name + ".beat" }

    func file(_ schedules: String, through endpoint: Endpoint? = nil, publishing: String = "shared") throws -> JobFile {
        var uri = Broker.uri ?? ""
        if let endpoint {
            let original = try Endpoint(uri: uri)
            uri = uri.replacing("\(original.host):\(original.port)", with: "\(endpoint.host):\(endpoint.port)")
        }
        let text = """
            version: 1
            connection:
              uri: "\(uri)"
              publishing: \(publishing)
              recovery: { initial_interval: 20ms, max_interval: 200ms }
            queues:
              \(self.queue): {}
              \(self.work): {}
            jobs:
              work: { queue: \(self.work), handler: scheduled.idle }
            schedules:
            \(schedules)
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    func supervisor(_ file: JobFile, _ log: RecordedLog? = nil) throws -> TestSupervisor {
        try TestSupervisor(file, [Self.plugin.descriptor], logger: log?.logger ?? Broker.quiet)
    }

    /// Declares what the file has, and gives a channel that consumes the ticks.
    func withTicks(_ file: JobFile, _ body: (Channel) throws -> Void) throws {
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.prefetch(100)
        try channel.consume(self.queue)
        try body(channel)
        let cleaner = try connection.openChannel()
        for name in [self.queue, self.work] + file.schedules.map(\.clockQueue) { try cleaner.deleteQueue(name) }
    }

    struct Tick {
        let id: String
        let time: Int64
        let body: String
        let properties: BasicProperties
    }

    func next(_ channel: Channel) throws -> Tick {
        let delivery = try #require(try channel.nextDelivery(timeout: Patience.long), "no tick comes")
        try channel.ack(delivery)
        let properties = delivery.legibleProperties
        guard case .int64(let time)? = properties.headers?["millrace-tick"] else { throw PeerFailure("no tick") }
        return Tick(
            id: properties.messageID ?? "",
            time: time,
            body: String(decoding: delivery.body, as: UTF8.self),
            properties: properties
        )
    }
}

@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test has it"), .timeLimit(.minutes(10)))
struct ScheduleTests {
    /// Whether each came once, and none is missing.
    private static func isWhole(_ times: [Int64]) -> Bool {
        times == (0..<times.count).map { (times.first ?? 0) + Int64($0) * 1000 }
    }

    @Test(arguments: ["shared", "separate"])
    func `a tick comes with its body, its headers and its name, and the next supervisor goes on where one ended`(
        publishing: String
    ) throws {
        let rig = ScheduleRig()
        let file = try rig.file(
            "  \(rig.beat): { every: 1s, queue: \(rig.queue), body: { kind: daily, n: 5 }, headers: { tenant: a }, catch_up: all }",
            publishing: publishing
        )
        try rig.withTicks(file) { channel in
            var times: [Int64] = []
            for _ in 0..<2 {
                let status = try rig.supervisor(file).whileRunning {
                    for _ in 0..<2 {
                        let tick = try rig.next(channel)
                        times.append(tick.time)
                        #expect(tick.body == #"{"kind":"daily","n":5}"#)
                        #expect(tick.id == TickMessage.id(rig.beat, tick.time, in: .utc))
                        #expect(tick.properties.contentType == "application/json")
                        #expect(tick.properties.deliveryMode == 2)
                        #expect(tick.properties.headers?["tenant"] == .string("a"))
                        #expect(tick.properties.headers?["millrace-schedule"] == .string(rig.beat))
                        #expect(tick.properties.headers?["BCC"] == nil)
                    }
                }
                #expect(status == .clean)
            }
            // What was sent while the first one ended is among them.
            #expect(Self.isWhole(times), "\(times)")
        }
    }

    @Test func `connections that are cut again and again lose no tick and double none`() throws {
        let rig = ScheduleRig()
        let proxies = try [CuttingProxy(to: Broker.endpoint()), CuttingProxy(to: Broker.endpoint())]
        defer { proxies.forEach { $0.stop() } }
        let line = "  \(rig.beat): { every: 1s, queue: \(rig.queue), catch_up: all }"
        let files = try proxies.map { try rig.file(line, through: $0.endpoint) }
        try rig.withTicks(try rig.file(line)) { channel in
            var times: [Int64] = []
            try rig.supervisor(files[0]).whileRunning {
                try rig.supervisor(files[1]).whileRunning {
                    for round in 0..<12 {
                        times.append(try rig.next(channel).time)
                        // Whoever leads is one of them.
                        if round % 3 != 0 { proxies[0].cut() }
                        if round % 3 != 1 { proxies[1].cut() }
                    }
                }
            }
            #expect(Self.isWhole(times), "\(times)")
        }
    }

    @Test func `a tick that is lost with its connection is sent by whoever is next`() throws {
        let rig = ScheduleRig()
        // What begins so is a tick: its connection ends before it arrives.
        let proxy = try CuttingProxy(to: Broker.endpoint(), cuttingAt: Array("millrace-tick".utf8))
        defer { proxy.stop() }
        let line = "  \(rig.beat): { every: 1s, queue: \(rig.queue), catch_up: all }"
        let (broken, good) = (try rig.file(line, through: proxy.endpoint), try rig.file(line))
        try rig.withTicks(good) { channel in
            var times: [Int64] = []
            try rig.supervisor(broken).whileRunning {
                try rig.supervisor(good).whileRunning {
                    for _ in 0..<4 { times.append(try rig.next(channel).time) }
                }
            }
            #expect(Self.isWhole(times), "\(times)")
        }
    }

    @Test func `a schedule in trouble costs itself alone, and goes on when that is over`() throws {
        let rig = ScheduleRig()
        let missing = rig.name + ".missing"
        let file = try rig.file(
            """
              \(rig.name).clash: { every: 1s, queue: \(rig.queue), body: clash }
              \(rig.name).missing: { every: 1s, queue: \(missing), body: missing }
              \(rig.beat): { every: 1s, queue: \(rig.queue), body: well }
            """
        )
        let log = RecordedLog()
        let connection = try Broker.connect()
        defer { connection.close() }
        // A clock queue of another kind.
        _ = try connection.openChannel().declareQueue("millrace.clock.\(rig.name).clash")
        try rig.withTicks(file) { channel in
            try rig.supervisor(file, log).whileRunning {
                for _ in 0..<3 { #expect(try rig.next(channel).body == "well") }
                #expect(
                    log.wait(
                        for:
                            "the schedule can not go on; it is tried again, and what is due meanwhile is made good as catch_up says"
                    )
                )
                #expect(
                    log.wait(
                        for:
                            "the schedule's queue can not be had; it is looked for again, and nothing is ticked until it is there"
                    )
                )
                let aside = try connection.openChannel()
                _ = try aside.declareQueue(missing)
                try aside.consume(missing)
                let delivery = try #require(try aside.nextDelivery(timeout: Patience.long))
                #expect(String(decoding: delivery.body, as: UTF8.self) == "missing")
                try aside.deleteQueue(missing)
            }
        }
    }
}
