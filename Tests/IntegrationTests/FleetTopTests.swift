import AMQPClient
import Foundation
import TestSupport
import Testing

/// `millrace top --fleet` in a terminal, with three supervisors on a real broker.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct FleetTopTests {
    private static let hasTmux = FileManager.default.isExecutableFile(atPath: "/usr/bin/tmux")
    private let queue = Broker.unique("fleettop")
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    private func start() throws -> (path: String, children: [Child]) {
        let path = try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            plugins: [\(Tool.root).build/debug/libExamples.so]
            control: { fleet: \(self.queue) }
            crash_ledger: false
            queues: { \(self.queue): {}, \(self.queue).2: {} }
            jobs:
              one: { queues: [\(self.queue), \(self.queue).2], handler: examples.fragile, threads: 2, with: { routing_key: none } }

            """
        )
        let children = try (0..<3).map { _ in
            try Child(
                ExampleFile.millrace,
                ["run", path],
                environment: [:],
                folder: Tool.root,
                errors: self.folder.path + "/log"
            )
        }
        return (path, children)
    }

    private func top(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(
            ExampleFile.millrace,
            ["top", "--fleet", "--file", self.folder.path + "/jobs.yaml"] + arguments
        )
    }

    private func waits(_ isThere: () throws -> Bool) throws -> Bool {
        let deadline = MonotonicClock.now() + 120_000_000_000
        while MonotonicClock.now() < deadline { if try isThere() { return true } }
        return false
    }

    private func end(_ children: [Child]) throws {
        for child in children { child.send(SIGTERM) }
        for child in children { #expect(child.waitForExit() == 0) }
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for home in [self.queue, self.queue + ".2"] {
            for name in [home] + delayQueues(of: home) { try channel.deleteQueue(name) }
        }
        // Nothing is left behind but what the job file declares, and where its copies wait.
        guard let control = Broker.control else { return }
        let names = try control.list("list_queues", "name").compactMap(\.first)
        #expect(!names.contains { $0.hasPrefix(self.queue) }, "\(names)")
    }

    @Test func `one screen on paper, with the status of status --fleet`() throws {
        let (_, children) = try self.start()
        #expect(try self.waits { try self.top("--once", "--expect", "3").status == 0 })
        let once = try self.top("--once")
        let lines = once.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines[0] == "millrace top --fleet  \(self.queue)  3 supervisors" || lines[0].hasSuffix("…"), "\(once)")
        #expect(lines[1] == "all well" && lines.contains { $0.hasPrefix("one ") && $0.contains("6/6") }, "\(once)")
        #expect(lines.allSatisfy { $0.count <= 80 && !$0.contains("\u{1B}") })
        let fewer = try self.top("--once", "--expect", "4")
        #expect(fewer.status == 1 && fewer.output.contains("3 supervisors of 4 answered"))
        #expect(try self.top("--once", "--json").output.hasPrefix("{\"fleet\":\"\(self.queue)\",\"supervisors\":["))
        #expect(try self.top().status == 64, "no terminal")
        #expect(try self.top("--json").status == 64)
        try self.end(children)
    }

    @Test(.enabled(if: hasTmux, "needs tmux; ops/setup test installs it"))
    func `a person watches a fleet, one of it is killed, and the terminal is as it was`() throws {
        let (path, children) = try self.start()
        #expect(try self.waits { try self.top("--once", "--expect", "3").status == 0 })
        let terminal = "millrace-\(UInt64.random(in: 0...UInt64.max))"
        func tmux(_ arguments: String...) throws -> String {
            try Tool.run("/usr/bin/tmux", ["-u", "-L", terminal, "-f", "/dev/null"] + arguments).output
        }
        defer { Tool.endTmux(terminal) }
        var seen: [String] = []
        func waitFor(_ what: String, _ isThere: ([String]) -> Bool) throws {
            let isSeen = try self.waits {
                seen = try tmux("capture-pane", "-p").split(separator: "\n", omittingEmptySubsequences: false)
                    .map(String.init)
                return isThere(seen)
            }
            #expect(isSeen, "\(what) in\n\(seen.joined(separator: "\n"))")
        }
        let modes = "stty -a | grep -o -e '-*icanon' -e '-*echo '"
        let script = "\(ExampleFile.millrace) top --fleet --file \(path); echo ended $?; \(modes); exec cat"
        let watch = try self.folder.write("watch.sh", script)
        _ = try tmux("new-session", "-d", "-x", "80", "-y", "24", "sh \(watch)")
        try waitFor("the screen") { lines in
            lines.contains("all well") && lines.contains { $0.hasPrefix("one ") && $0.contains("6/6") }
                && lines.contains("j k scroll  q end")
        }
        #expect(seen.count <= 25 && seen.allSatisfy { $0.count <= 80 })
        children[0].send(SIGKILL)
        let killed = MonotonicClock.now()
        try waitFor("one less") { lines in
            lines.contains { $0.hasPrefix("one ") && $0.contains("4/4") } && lines.contains("all well")
        }
        #expect(MonotonicClock.now() - killed < 7_000_000_000, "within 7 s")
        _ = children[0].waitForExit()
        _ = try tmux("send-keys", "j")
        _ = try tmux("send-keys", "q")
        try waitFor("the terminal") {
            $0.contains("ended 0") && $0.contains("icanon") && !$0.contains { $0.hasPrefix("one ") }
        }
        try self.end(Array(children.dropFirst()))
    }
}
