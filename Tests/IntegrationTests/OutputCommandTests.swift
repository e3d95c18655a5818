import AMQPClient
import Foundation
import TestSupport
import Testing

/// What could not be written is told by the exit status: 74, or 73 for a report that can not be made.
@Suite(.ownThread, .enabled(if: Tool.isBuilt, "needs a release build; ops/test makes one"), .timeLimit(.minutes(5)))
struct OutputCommandTests {
    private let folder: Scratch
    private let queue = Broker.unique("output")

    init() throws { self.folder = try Scratch() }

    private func file(handler: String = "bench.touch", more: String = "") throws -> String {
        try self.folder.write(
            "jobs-\(UUID().uuidString).yaml",
            """
            version: 1
            connection: { uri: "\(Broker.uri ?? "amqp://127.0.0.1:1/")" }
            plugins: ["\(Tool.plugin)"]
            queues: { \(self.queue): {}, \(self.queue).dead: {} }
            \(more)
            jobs: { work: { queue: \(self.queue), handler: \(handler) } }

            """
        )
    }

    /// The status of a command whose output goes into a pipe that nobody reads any more.
    private func statusIntoClosedPipe(_ words: [String]) throws -> String {
        let status = self.folder.path + "/status"
        let gate = self.folder.path + "/gate"
        mkfifo(gate, 0o600)
        defer { unlink(gate) }
        let script = """
            { read go <"$0"; status=0; "$@" 2>/dev/null || status=$?; echo $status >"\(status)"; } |
                { exec 0<&-; echo go >"$0"; }
            """
        _ = try Tool.run("/bin/sh", ["-c", script, gate, Tool.millrace] + words)
        return try String(contentsOfFile: status, encoding: .utf8)
    }

    private func commands() throws -> [[String]] {
        let file = try self.file()
        let without: [[String]] = [["version"], ["--help"], ["help", "run"], ["check", file]]
        let dead = ["--file", file]
        guard Broker.isThere else { return without }
        return without + [
            ["--generate-completion-script", "bash"], ["declare", file], ["failed", "list", "work"] + dead,
            ["failed", "list", "work", "--json"] + dead, ["failed", "show", "work", "m"] + dead,
            ["failed", "retry", "work", "m"] + dead, ["failed", "remove", "work", "n"] + dead,
            ["failed", "retry", "work", "--all"] + dead, ["failed", "purge", "work", "--yes"] + dead,
            ["publish", "--uri", Broker.uri ?? "", "--routing-key", self.queue, "--body", "x"],
            ["run", file, "--once", "--table", "0.01"],
        ]
    }

    private func prepare() throws {
        guard Broker.isThere else { return }
        _ = try Tool.run(Tool.millrace, ["declare", self.file()])
        for id in ["m", "m", "n", "n", "o"] {
            let words = ["--routing-key", self.queue + ".dead", "--body", "x", "--message-id", id]
            #expect(try Tool.run(Tool.millrace, ["publish", "--uri", Broker.uri ?? ""] + words).status == 0)
        }
    }

    @Test func `a full disk is status 74 in every command, and is said`() throws {
        try self.prepare()
        for words in try self.commands() {
            let result = try Tool.run(Tool.millrace, words, output: "/dev/full")
            #expect(result.status == 74, "\(words): \(result.errors)")
            #expect(result.errors.contains("standard output can not be written: No space left on device"), "\(words)")
        }
    }

    @Test func `a reader that is gone is status 74 in every command`() throws {
        try self.prepare()
        for words in try self.commands() { #expect(try self.statusIntoClosedPipe(words) == "74\n", "\(words)") }
    }

    @Test func `an output that was closed before is status 74, and no socket or file takes its place`() throws {
        for (redirection, status) in [(">&-", 74), ("2>&-", 0), ("<&-", 0)] as [(String, Int32)] {
            let script = "\"$0\" check \"$1\" \(redirection)"
            let result = try Tool.run("/bin/sh", ["-c", script, Tool.millrace, self.file()])
            #expect(result.status == status, "\(redirection) \(result.errors)")
        }
        let script = "\"$0\" publish --uri amqp://127.0.0.1:1 --routing-key x <&-"
        #expect(try Tool.run("/bin/sh", ["-c", script, Tool.millrace]).status == 69)
    }

    // MARK: Reports

    @Test func `a report that can not be made is status 73, before anything is started`() throws {
        let file = try self.file(handler: "bench.touch")
        let readOnly = try self.folder.write("mine.txt", "do not touch\n")
        let pipe = self.folder.path + "/pipe"
        mkfifo(pipe, 0o600)
        for path in ["/nowhere/report.json", self.folder.path, file, readOnly, Tool.plugin, pipe] {
            let before = path == file || path == readOnly ? try String(contentsOfFile: path, encoding: .utf8) : nil
            let result = try Tool.run(Tool.millrace, ["run", file, "--once", "--report", path])
            #expect(result.status == 73, "\(path): \(result.errors)")
            #expect(result.errors.contains("the report can not be written to \(path): "))
            #expect(result.errors.hasSuffix("nothing was started\n"))
            #expect(!result.errors.contains("connect"))
            if let before { #expect(try String(contentsOfFile: path, encoding: .utf8) == before) }
        }
    }

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `a report that finds no room is status 74; one of an earlier run is written over`() throws {
        let file = try self.file()
        let full = try Tool.run(Tool.millrace, ["run", file, "--once", "--report", "/dev/full"])
        #expect(full.status == 74, "\(full.errors)")
        #expect(full.errors.contains("the report can not be written to /dev/full: No space left on device"))
        let report = try self.folder.write("report.json", "")
        for _ in 0..<2 {
            #expect(try Tool.run(Tool.millrace, ["run", file, "--once", "--report", report]).status == 0)
            let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: report)))
            #expect((object as? [String: Any])?["jobs"] != nil)
        }
    }

    // MARK: The crash ledger

    @Test(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
    func `a crash ledger that names something else is refused in a sentence, and that stays as it was`() throws {
        let mine = try self.folder.write("accounts.db", "everything we have\n")
        let file = try self.file(more: "crash_ledger: { path: \(mine) }")
        let run = try Tool.run(Tool.millrace, ["run", file, "--once"])
        #expect(run.status == 0)
        #expect(run.errors.contains("\(mine) is there and is no crash ledger; it stays as it is"))
        #expect(try String(contentsOfFile: mine, encoding: .utf8) == "everything we have\n")
        let check = try Tool.run(Tool.millrace, ["check", file])
        #expect(check.errors.contains("warning: no crash ledger: \(mine) is there and is no crash ledger"))
    }
}
