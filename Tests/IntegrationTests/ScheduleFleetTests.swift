import AMQPClient
import AMQPWire
import Foundation
import Glibc
import Millrace
import MillraceAdmin
import MillraceHandler
import TestSupport
import Testing

private struct Idle: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome { .ack }
}

private let plugin = MillracePlugin(name: "clockwork", [.sync("clockwork.idle", Idle.self)])

/// One schedule and many supervisors on a real broker.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(20)))
struct ScheduleFleetTests {
    private let name = Broker.unique("ticking")
    private var queue: String { self.name + ".ticks" }
    private var work: String { self.name + ".work" }

    private func text(_ handler: String, more: String, uri: String? = nil) -> String {
        """
        version: 1
        connection:
          uri: "\(uri ?? Broker.uri ?? "")"
          recovery: { initial_interval: 20ms, max_interval: 200ms }
        crash_ledger: false
        \(more)
        queues: { \(self.queue): {}, \(self.work): {} }
        jobs: { work: { queue: \(self.work), \(handler) } }
        schedules: { \(self.name): { every: 1s, queue: \(self.queue), catch_up: all } }

        """
    }

    /// The time of the next tick, in milliseconds.
    private func next(_ channel: Channel) throws -> Int64 {
        let delivery = try #require(try channel.nextDelivery(timeout: Patience.long), "no tick comes")
        try channel.ack(delivery)
        guard case .int64(let time)? = delivery.legibleProperties.headers?["millrace-tick"] else {
            throw PeerFailure("no tick")
        }
        return time
    }

    private func withTicks(_ body: (Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for queue in [self.queue, self.work] { _ = try channel.declareQueue(queue) }
        try channel.consume(self.queue)
        try body(channel)
        let cleaner = try connection.openChannel()
        for name in [self.queue, self.work, "millrace.clock.\(self.name)"] + delayQueues(of: self.work) {
            try cleaner.deleteQueue(name)
        }
    }

    /// Whether each came once, in order, and none is missing.
    private func isWhole(_ times: [Int64]) -> Bool {
        times == (0..<times.count).map { (times.first ?? 0) + Int64($0) * 1000 }
    }

    /// One of three supervisors, a process of its own.
    private func start(_ place: Int, in folder: Scratch) throws -> Child {
        let more = """
            plugins: [\(Tool.root).build/debug/libExamples.so]
            control: { socket: \(folder.path)/\(place).sock }
            """
        let handler = "handler: examples.fragile, with: { routing_key: \(self.queue) }"
        let path = try folder.write("\(place).yaml", self.text(handler, more: more))
        return try Child(
            ExampleFile.millrace,
            ["run", path],
            environment: [:],
            folder: Tool.root,
            errors: "\(folder.path)/\(place).log"
        )
    }

    private func isLeader(_ place: Int, in folder: Scratch) -> Bool {
        let client = ControlClient(socket: "\(folder.path)/\(place).sock")
        let metrics = (try? client.ask(.get, "/metrics", wantsText: true).body) ?? ""
        return metrics.contains("millrace_schedule_leader{schedule=\"\(self.name)\"} 1\n")
    }

    /// `MILLRACE_KILLS=200` for the long run.
    private static let kills = ProcessInfo.processInfo.environment["MILLRACE_KILLS"].flatMap { Int($0) } ?? 8

    @Test func `three supervisors, the one that leads killed again and again: no tick is missing, none is there twice`()
        throws
    {
        let folder = try Scratch()
        var random = Seed()
        try self.withTicks { channel in
            var children = try (0..<3).map { try self.start($0, in: folder) }
            var times = [try self.next(channel)]
            for _ in 0..<Self.kills {
                times.append(try self.next(channel))
                var leader: Int?
                #expect(
                    Patience.sees {
                        leader = (0..<3).first { self.isLeader($0, in: folder) }
                        return leader != nil
                    }
                )
                // At any moment of the second, that of the next tick among them: this is what the test is about, no wait.
                poll(nil, 0, Int32.random(in: 0...1000, using: &random))
                let place = leader ?? 0
                children[place].send(SIGKILL)
                _ = children[place].waitForExit()
                children[place] = try self.start(place, in: folder)
            }
            for _ in 0..<3 { times.append(try self.next(channel)) }
            // All that came meanwhile.
            while let delivery = try channel.nextDelivery(timeout: .zero) {
                try channel.ack(delivery)
                if case .int64(let time)? = delivery.legibleProperties.headers?["millrace-tick"] { times.append(time) }
            }
            let ordered = times.sorted()
            let missing = Int((ordered[ordered.count - 1] - ordered[0]) / 1000) + 1 - Set(ordered).count
            print(
                "\(Self.kills) leaders killed, \(times.count) ticks: \(times.count - Set(times).count) twice, \(missing) missing"
            )
            #expect(self.isWhole(ordered), "seed \(random.value): \(ordered)")
            for child in children { child.send(SIGTERM) }
            for child in children { #expect(child.waitForExit() == 0) }
        }
    }

    @Test func `fifty supervisors leave no error in the broker's log, and one of them ticks`() throws {
        let proxy = try CuttingProxy(to: try Broker.endpoint())
        defer { proxy.stop() }
        let original = try Endpoint(uri: Broker.uri ?? "")
        let uri = (Broker.uri ?? "").replacing(
            "\(original.host):\(original.port)",
            with: "\(proxy.endpoint.host):\(proxy.endpoint.port)"
        )
        let text = self.text("handler: clockwork.idle", more: "", uri: uri)
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let log = try BrokerLog()
        try self.withTicks { channel in
            let supervisors = try (0..<50).map { _ in try TestSupervisor(file, [plugin.descriptor]) }
            // The first one makes the clock queue: RabbitMQ 3.10 ends the connection, with an error in its log, of who consumes a quorum
            // queue that another one is just making.
            var threads = [try WorkerThread.start(name: "supervisor") { _ = supervisors[0].run() }]
            defer {
                for one in supervisors { one.stop() }
                for thread in threads { thread.join() }
            }
            var times = [try self.next(channel)]
            for one in supervisors.dropFirst() {
                threads.append(try WorkerThread.start(name: "supervisor") { _ = one.run() })
            }
            for one in supervisors { #expect(one.wait { $0.consuming == 1 }) }
            for _ in 0..<5 { times.append(try self.next(channel)) }
            #expect(self.isWhole(times), "\(times)")
            // Who leads goes, half of the time: another one takes its place.
            for one in supervisors.prefix(25) { one.stop() }
            for _ in 0..<3 { times.append(try self.next(channel)) }
            #expect(self.isWhole(times), "\(times)")
        }
        if let log {
            let connection = try Broker.connect()
            defer { connection.close() }
            #expect(try log.clientErrors(from: proxy.sourceAddress, on: connection) == [])
        }
    }
}
