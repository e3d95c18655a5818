import MillraceHandler
import MillraceTesting
import Testing

/// What a program's end means for its message.
@Suite struct ExecOutcomeTests {
    private let rig: ExecRig

    init() throws { self.rig = try ExecRig() }

    @Test(arguments: [
        (0, Outcome.ack), (65, .reject("exit status 65: why")), (75, .retry("exit status 75: why")), (80, .requeue),
        (81, .discard("exit status 81: why")), (82, .stop("exit status 82: why")), (1, .retry("exit status 1: why")),
        (2, .retry("exit status 2: why")), (78, .retry("exit status 78: why")), (255, .retry("exit status 255: why")),
    ])
    func `the exit status is the outcome, and the end of standard error the reason`(
        code: Int,
        outcome: Outcome
    ) async throws {
        let result = try await self.rig.run("echo why >&2; exit \(code)")
        #expect(result.outcome == outcome)
        #expect(result.logs.map(\.text) == ["stderr: why"])
    }

    @Test(arguments: [("SEGV", "SIGSEGV (signal 11)"), ("KILL", "SIGKILL (signal 9)"), ("TERM", "SIGTERM (signal 15)")])
    func `a signal is a failure that names it`(signal: String, name: String) async throws {
        let result = try await self.rig.run("echo gone >&2; kill -\(signal) $$")
        #expect(result.outcome == .retry("killed by \(name): gone"))
    }

    @Test func `standard output is published when the program succeeds, and not when it fails`() async throws {
        var message = TestMessage("pixels")
        message.correlationID = "c-1"
        let result = try await self.rig.run("tr a-z A-Z", message, publishes)
        #expect(result.outcome == .ack)
        #expect(result.text == "PIXELS")
        #expect(result.outputs.first?.routingKey == "thumbs")
        #expect(result.outputs.first?.contentType == "text/plain")
        #expect(result.outputs.first?.correlationID == "c-1")
        let failed = try await self.rig.run("cat; exit 1", message, publishes)
        #expect(failed.outputs.isEmpty)
        #expect(failed.outcome == .retry("exit status 1"))
        #expect(try await self.rig.run("exit 0", message, publishes).outputs.isEmpty, "nothing was written")
    }

    @Test func `without an output both streams go to the log, each line by itself and harmless`() async throws {
        let result = try await self.rig.run("printf 'one\\ntwo'; printf 'a\\033[2Jb\\n' >&2")
        #expect(Set(result.logs.map(\.text)) == ["stdout: one", "stdout: two", "stderr: a\\u{1b}[2Jb"])
        #expect(result.outcome == .ack)
        #expect(result.outputs.isEmpty)
    }

    @Test func `a talkative program is counted, not logged for ever`() async throws {
        let result = try await self.rig.run("seq 1000 >&2")
        #expect(result.logs.count == 201)
        #expect(result.logs.prefix(200).map(\.text) == (1...200).map { "stderr: \($0)" })
        #expect(result.logs.last == LogLine(.warning, "the program wrote 800 lines more, which are left out here"))
    }

    @Test func `all that was written is there, however fast the program has ended`() async throws {
        let tester = try await self.rig.shell("head -c 50000 /dev/zero", publishes)
        let results = try await tester.run((0..<50).map { TestMessage("\($0)") })
        #expect(results.outputs.map(\.body.count) == [Int](repeating: 50_000, count: 50))
        let large = try await self.rig.run("cat", TestMessage(body: [UInt8](repeating: 7, count: 1 << 20)), publishes)
        #expect(large.outputs.first?.body == [UInt8](repeating: 7, count: 1 << 20))
    }

    @Test(arguments: ["yes", "yes >&2", "cat /dev/zero"], [true, false])
    func `a program that writes for ever fails its message`(script: String, isOutput: Bool) async throws {
        let limit: [String: JSONValue] = ["max_output": .int(100_000)]
        let stream = script.hasSuffix("2") ? "stderr" : "stdout"
        let result = try await self.rig.run(script, "", isOutput ? publishes.merging(limit) { $1 } : limit)
        #expect(result.outcome == .retry("it wrote more than 100000 octets to \(stream) (max_output), and was ended"))
        #expect(result.outputs.isEmpty)
    }

    @Test func `a program need not read its standard input`() async throws {
        let large = TestMessage(body: [UInt8](repeating: 7, count: 4 << 20))
        for script in ["exit 0", "exec <&-; echo done >&2", "head -c 10 >/dev/null"] {
            #expect(try await self.rig.run(script, large).outcome == .ack, "\(script)")
        }
        #expect(try await self.rig.run("wc -c", large, publishes).text == "4194304\n")
        #expect(try await self.rig.run("wc -c", TestMessage(body: [UInt8]()), publishes).text == "0\n")
    }
}
