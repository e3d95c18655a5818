import AMQPClient
import Foundation
import Glibc
import TestSupport
import Testing

/// A run that ends by itself, and one that a service manager watches.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct RunLimitCommandTests {
    private let queue = Broker.unique("limits")
    private let folder: Scratch

    init() throws {
        self.folder = try Scratch()
        try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            plugins: [\(Tool.root).build/debug/libExamples.so]
            crash_ledger: false
            control: false
            queues: { \(self.queue): {}, \(self.queue).2: {} }
            jobs:
              one: { queue: \(self.queue), handler: examples.fragile, with: { routing_key: \(self.queue).2 } }

            """
        )
    }

    private func withQueue(_ body: (Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        _ = try channel.declareQueue(self.queue)
        defer {
            for home in [self.queue, self.queue + ".2"] {
                for name in [home] + delayQueues(of: home) { _ = try? channel.deleteQueue(name) }
            }
        }
        try body(channel)
    }

    private func run(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(ExampleFile.millrace, ["run", self.folder.path + "/jobs.yaml"] + arguments)
    }

    @Test func `after so many messages what is left stays in the queue`() throws {
        try self.withQueue { channel in
            for _ in 0..<200 { try channel.publish(Array("x".utf8), routingKey: self.queue) }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            let result = try self.run("--max-messages", "5")
            #expect(result.status == 0 && result.errors.contains("--max-messages 5"), "\(result)")
            let left = try channel.declareQueue(self.queue, passive: true).messageCount
            let done = try channel.declareQueue("\(self.queue).2", passive: true).messageCount
            #expect(done >= 5 && done + left == 200, "\(done) done, \(left) left")
        }
    }

    @Test func `when nothing is to be done, when its time is over, and with too much memory`() throws {
        try self.withQueue { _ in
            for (option, value) in [("--max-idle", "300ms"), ("--max-time", "300ms"), ("--max-memory", "1")] {
                let result = try self.run(option, value)
                #expect(result.status == 0 && result.errors.contains(option), "\(result)")
            }
            #expect(try self.run("--max-messages", "0").status == 64)
            #expect(try self.run("--max-idle", "0").status == 64)
        }
    }

    @Test func `a service manager is told when jobs run, that they do, and when they end`() throws {
        let path = self.folder.path + "/notify"
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        var limit = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        // Several lines may come in one datagram, and the watchdog's come for ever.
        func waits(for lines: Set<String>) -> Bool {
            var left = lines
            let deadline = MonotonicClock.deadline(in: Patience.long) ?? .max
            var octets = [UInt8](repeating: 0, count: 4096)
            while MonotonicClock.now() < deadline, case let count = recv(descriptor, &octets, octets.count, 0),
                count > 0
            {
                left.subtract(String(decoding: octets[..<count], as: UTF8.self).split(separator: "\n").map(String.init))
                if left.isEmpty { return true }
            }
            return false
        }
        try self.withQueue { _ in
            let child = try Child(
                ExampleFile.millrace,
                ["run", self.folder.path + "/jobs.yaml"],
                environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"],
                folder: Tool.root,
                errors: self.folder.path + "/log"
            )
            #expect(waits(for: ["READY=1", "STATUS=1 job running"]))
            #expect(waits(for: ["WATCHDOG=1"]))
            child.send(SIGHUP)
            #expect(waits(for: ["RELOADING=1", "READY=1"]))
            child.send(SIGTERM)
            #expect(waits(for: ["STOPPING=1"]))
            #expect(child.waitForExit() == 0)
        }
    }

    @Test(.enabled(if: access("/usr/bin/systemd-analyze", X_OK) == 0, "this machine has no systemd-analyze"))
    func `systemd has nothing to say against the unit`() throws {
        let unit = try String(contentsOfFile: Tool.root + "ops/systemd/millrace.service", encoding: .utf8)
        #expect(unit.contains("ExecStart=/usr/local/bin/millrace run jobs.yaml"))
        let installed = unit.replacing("/usr/local/bin/millrace", with: ExampleFile.millrace)
        let path = try self.folder.write("millrace.service", installed)
        let result = try Tool.run("/usr/bin/systemd-analyze", ["verify", "--man=no", path])
        #expect(result.status == 0 && !result.errors.contains("millrace.service"), "\(result)")
    }
}
