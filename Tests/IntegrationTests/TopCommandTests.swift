import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// `millrace top` as people have it: in a terminal, with a supervisor that runs on a real broker.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct TopCommandTests {
    private static let hasTmux = FileManager.default.isExecutableFile(atPath: "/usr/bin/tmux")
    private let queue = Broker.unique("top")
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    private var socket: String { self.folder.path + "/s.sock" }

    /// A supervisor with one job that has done 300 messages.
    private func startSupervisor() throws -> Child {
        let path = try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            plugins: [\(Tool.root).build/debug/libExamples.so]
            control: { socket: \(self.socket) }
            crash_ledger: false
            queues: { \(self.queue): {}, \(self.queue).2: {} }
            jobs:
              one: { queue: \(self.queue), handler: examples.fragile, threads: 2, timeout: 30s, with: { routing_key: \(self.queue).2 } }
            """
        )
        let child = try Child(
            ExampleFile.millrace,
            ["run", path],
            environment: [:],
            folder: Tool.root,
            errors: self.folder.path + "/log"
        )
        #expect(try self.waits { try self.millrace("status").output.contains("running        2/2") })
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        // They say that they were published a minute ago.
        let properties = BasicProperties(timestamp: UInt64(Date().timeIntervalSince1970) - 60)
        for _ in 0..<300 {
            try channel.publish(Array("x".utf8), routingKey: self.queue, properties: properties)
        }
        #expect(try self.waits { try self.millrace("status", "--json").output.contains("\"acked\":300") })
        return child
    }

    private func millrace(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(ExampleFile.millrace, arguments + ["--socket", self.socket])
    }

    private func waits(_ isThere: () throws -> Bool) throws -> Bool {
        let deadline = MonotonicClock.now() + 120_000_000_000
        while MonotonicClock.now() < deadline { if try isThere() { return true } }
        return false
    }

    private func clean() throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for home in [self.queue, self.queue + ".2"] {
            for name in [home] + delayQueues(of: home) { try channel.deleteQueue(name) }
        }
    }

    @Test func `what a job's messages took and waited is in the status, and once on paper`() throws {
        #expect(try self.millrace("top", "--once").status == 3, "nobody is there")
        let child = try self.startSupervisor()
        let data = Data(try self.millrace("status", "--json", "one").output.utf8)
        let job = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let handler = try #require(job["handler_seconds"] as? [String: Double], "\(job)")
        let (p50, p99) = (handler["p50"] ?? 0, handler["p99"] ?? 0)
        #expect(0 < p50 && p50 <= p99 && p99 < 30, "\(handler)")
        let wait = try #require(job["wait_seconds"] as? [String: Double], "\(job)")
        #expect((58...90).contains(wait["p50"] ?? 0), "by its timestamp: \(wait)")
        #expect(job["timeout_seconds"] as? Double == 30)
        let once = try self.millrace("top", "--once")
        let lines = once.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(once.status == 0 && lines.count == 7, "\(once)")
        #expect(lines[0].hasPrefix("millrace top  ") && lines[1] == "all well")
        #expect(lines[4].hasPrefix("> one ") && lines[4].contains(" running ") && lines[4].contains("/2 "), "\(lines)")
        #expect(lines[5].hasPrefix("    handler ") && lines[5].contains("   wait 6"), "\(lines)")
        #expect(lines.allSatisfy { $0.count <= 80 && !$0.contains("\u{1B}") })
        #expect(try self.millrace("top").status == 64, "no terminal")
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        try self.clean()
    }

    @Test(.enabled(if: hasTmux, "needs tmux; ops/setup test installs it"))
    func `a person watches, pauses, scales and looks inside, and gets the terminal back as it was`() throws {
        let child = try self.startSupervisor()
        let terminal = "millrace-\(UInt64.random(in: 0...UInt64.max))"
        func tmux(_ arguments: String...) throws -> String {
            try Tool.run("/usr/bin/tmux", ["-u", "-L", terminal, "-f", "/dev/null"] + arguments).output
        }
        defer { Tool.endTmux(terminal) }
        func screen() throws -> [String] {
            try tmux("capture-pane", "-p").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        }
        var seen: [String] = []
        func waitFor(_ what: String, _ isThere: ([String]) -> Bool) throws {
            let isSeen = try self.waits {
                seen = try screen()
                return isThere(seen)
            }
            #expect(isSeen, "\(what) in\n\(seen.joined(separator: "\n"))")
        }
        let top = "\(ExampleFile.millrace) top --socket \(self.socket)"
        let modes = "stty -a | grep -o -e '-*icanon' -e '-*echo '"
        let script = "\(top); echo first $?; \(modes); echo; read line; \(top); echo second $?; \(modes); exec cat"
        let path = try self.folder.write("watch.sh", script)
        _ = try tmux("new-session", "-d", "-x", "80", "-y", "24", "sh \(path)")
        try waitFor("the screen") { lines in
            lines.contains("all well") && lines.contains { $0.hasPrefix("> one ") && $0.contains("/2 ") }
                && lines.contains { $0.hasPrefix("j k move") }
        }
        #expect(seen.count <= 25 && seen.allSatisfy { $0.count <= 80 })
        _ = try tmux("send-keys", "p")
        try waitFor("the pause") { lines in
            lines.contains { $0.hasPrefix("> one ") && $0.contains(" paused ") }
                && lines.contains { $0.hasPrefix("pause one: done") }
        }
        _ = try tmux("send-keys", "r")
        try waitFor("the end of it") { $0.contains { $0.hasPrefix("> one ") && $0.contains(" running ") } }
        _ = try tmux("send-keys", "+")
        try waitFor("a thread more") { $0.contains { $0.hasPrefix("> one ") && $0.contains("/3 ") } }
        try waitFor("who changed it") { $0.contains { $0.hasPrefix("    threads 3 (file: 2, ") } }
        _ = try tmux("send-keys", "Enter")
        try waitFor("the workers") { lines in
            lines.contains("workers of one; Esc goes back") && lines.count { $0.contains("consuming") } == 3
        }
        _ = try tmux("send-keys", "Escape")
        _ = try tmux("resize-window", "-x", "200", "-y", "60")
        try waitFor("a larger screen") { lines in
            lines.count >= 60 && lines[59].hasPrefix("j k move") && lines[59].hasSuffix("q end")
        }
        _ = try tmux("send-keys", "q")
        try waitFor("the terminal") {
            $0.contains("first 0") && $0.contains("icanon") && $0.contains { $0.hasPrefix("echo") }
        }
        #expect(!seen.contains { $0.hasPrefix("> one") }, "what was there before is there again")
        // Once more, and a signal ends it.
        _ = try tmux("send-keys", "Enter")
        try waitFor("the screen again") { $0.contains { $0.hasPrefix("> one ") } }
        let shell = try tmux("list-panes", "-F", "#{pane_pid}").trimmingCharacters(in: .whitespacesAndNewlines)
        let children = try Tool.run("/bin/ps", ["-o", "pid=", "--ppid", shell]).output
        let process = try #require(pid_t(children.trimmingCharacters(in: .whitespacesAndNewlines)), "\(children)")
        kill(process, SIGTERM)
        try waitFor("the terminal after a signal") { lines in
            lines.contains("second 143") && lines.count { $0.hasPrefix("icanon") } == 2 && !lines.contains("-icanon")
        }
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        try self.clean()
    }
}
