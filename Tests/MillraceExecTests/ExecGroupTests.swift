import Foundation
import MillraceExec
import MillraceHandler
import MillraceTesting
import TestSupport
import Testing

/// Programs with children: all of a program's process group ends with its message.
@Suite struct ExecGroupTests {
    private let rig: ExecRig

    init() throws { self.rig = try ExecRig() }

    /// Runs a script until it has said something through the pipe, then asks it to end.
    private func endEarly(_ script: String, grace: String) async throws -> (result: JobResult, said: String) {
        let pipe = try self.rig.pipe()
        let tester = try await self.rig.shell(
            script,
            ["grace": .string(grace), "env": .object([("PIPE", .string(pipe))])]
        )
        async let result = tester.run("", limit: Patience.long)
        let said = try await ExecRig.hear(pipe)
        tester.endEarly()
        return (try await result, said)
    }

    @Test func `who is asked to end may end in order, and is heard to the last word`() async throws {
        let script = "trap 'echo tidied up >&2; exit 0' TERM; echo on > $PIPE; while :; do sleep 0.01; done"
        let (result, _) = try await self.endEarly(script, grace: "1h")
        #expect(result.outcome == .ack)
        #expect(result.logs.last?.text == "stderr: tidied up")
    }

    @Test func `the first signal ends a grandchild too`() async throws {
        let (result, grandchild) = try await self.endEarly("sleep 1000 & echo $! > $PIPE; wait", grace: "1h")
        #expect(result.outcome == .retry("asked to end early, then killed by SIGTERM (signal 15)"))
        #expect(!ExecRig.isAlive(grandchild))
    }

    @Test func `after the grace the second one ends those that do not hear`() async throws {
        let script = "trap '' TERM; sh -c 'echo $$ > $PIPE; sleep 1000; sleep 1000'; sleep 1000"
        let (result, grandchild) = try await self.endEarly(script, grace: "50ms")
        #expect(result.outcome == .retry("asked to end early, then killed by SIGKILL (signal 9)"))
        #expect(!ExecRig.isAlive(grandchild))
    }

    @Test func `a grandchild that does not hear is ended though its parent has gone`() async throws {
        let script = "sh -c 'trap \"\" TERM; echo $$ > $PIPE; sleep 1000; sleep 1000' & wait"
        let (result, grandchild) = try await self.endEarly(script, grace: "50ms")
        #expect(result.outcome == .retry("asked to end early, then killed by SIGTERM (signal 15)"))
        #expect(!ExecRig.isAlive(grandchild))
    }

    @Test func `who is asked before it runs is asked all the same`() async throws {
        let tester = try await self.rig.shell("sleep 1000")
        let result = try await tester.run("", ending: .whenItWaits, limit: Patience.long)
        #expect(result.outcome == .retry("asked to end early, then killed by SIGTERM (signal 15)"))
    }

    @Test func `what a program leaves behind is ended, said, and holds nothing up`() async throws {
        for streams in ["", ">/dev/null 2>&1"] {
            let result = try await self.rig.run("sleep 1000 \(streams) & echo $! >pid")
            #expect(result.outcome == .ack)
            #expect(
                result.logs == [
                    LogLine(.warning, "the program has left others behind in its process group; they were ended")
                ]
            )
            let left = try String(contentsOfFile: self.rig.folder + "/pid", encoding: .utf8)
            #expect(!ExecRig.isAlive(left.trimmingCharacters(in: .newlines)))
        }
    }

    @Test func `a daemon in a session of its own is left alone, and its pipes hold nothing up`() async throws {
        _ = try self.rig.pipe()
        let again = try await self.rig.run("setsid sh -c 'echo $$ >pid; echo on >pipe; exec sleep 1000' & cat pipe")
        let daemon = try String(contentsOfFile: self.rig.folder + "/pid", encoding: .utf8)
            .trimmingCharacters(in: .newlines)
        #expect(again.outcome == .ack)
        #expect(ExecRig.isAlive(daemon))
        kill(try #require(pid_t(daemon)), SIGKILL)
    }

    @Test func `each program has a group of its own, no terminal, and no signal blocked or ignored`() async throws {
        let script = "cat /proc/$$/stat; grep -E 'Sig(Blk|Ign)' /proc/self/status"
        let result = try await self.rig.run(script, "", publishes)
        let lines = (result.text ?? "").split(separator: "\n").map(String.init)
        try #require(lines.count == 3, "\(result)")
        // PID (NAME) STATE PARENT GROUP SESSION TERMINAL …
        let process = lines[0].prefix { $0 != " " }
        let fields = lines[0].split(separator: ")").last?.split(separator: " ") ?? []
        try #require(fields.count > 4)
        #expect(fields[2] == process)
        #expect(fields[3] == process)
        #expect(fields[4] == "0")
        for line in lines[1...] {
            let signals = line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
            #expect(signals.map { $0 & 0x7FFF_FFFF } == 0, "\(line): beyond 31 are those of the C library itself")
        }
    }

    @Test func `forty run at once on one thread, and none of Swift's own waits for them`() async throws {
        // Each ends when all have begun: a pool of as many threads as there are processors would never get so far.
        let script = "echo on >>begun; until [ $(wc -l <begun) -ge 40 ]; do sleep 0.01; done"
        let tester = try await self.rig.shell(script)
        let results = try await tester.run((0..<40).map { TestMessage("\($0)") }, limit: Patience.long)
        #expect(results.outcomes.allSatisfy { $0 == .ack })
    }

    @Test func `two thousand short ones leave no descriptor and no child`() async throws {
        /// What a program has one of: a descriptor that stands for it.
        func programs() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.contains("[pidfd]")
                    == true
            }
        }
        let tester = try await self.rig.shell("echo $$ >> pids; cat >/dev/null")
        for _ in 0..<40 {
            let results = try await tester.run((0..<50).map { TestMessage("\($0)") }, limit: Patience.long)
            #expect(results.outcomes.allSatisfy { $0 == .ack })
        }
        let pids = try String(contentsOfFile: self.rig.folder + "/pids", encoding: .utf8).split(separator: "\n")
        #expect(pids.count == 2000)
        // One that waits to be taken in by this process would still be there.
        for pid in pids {
            let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            #expect(stat?.contains(" \(getpid()) ") != true, "\(stat ?? "")")
        }
        #expect(try programs() < 50, "others may run some at the moment")
    }
}
