import MillraceHandler
import MillraceTesting
import Testing

@testable import MillraceExec

/// What a program is told besides the body, and what it is not told.
@Suite struct ExecEnvironmentTests {
    private func variables(_ message: TestMessage) async throws -> [String: String] {
        let rig = try ExecRig()
        let result = try await rig.run("env -0", message, publishes.merging(["max_output": .int(4_000_000)]) { $1 })
        var variables: [String: String] = [:]
        for entry in (result.text ?? "").split(separator: "\0") {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            variables[String(parts[0])] = String(parts[1])
        }
        return variables
    }

    @Test func `properties and headers are variables`() async throws {
        var message = TestMessage(
            body: "four",
            headers: ["x-size": .integer(-3), "is ok?": .bool(true), "ä": .string("ü=1")]
        )
        message.exchange = "ex"
        message.routingKey = "a.b"
        message.attempt = 3
        message.redelivered = true
        message.contentType = "image/png"
        message.messageID = "m-1"
        message.priority = 5
        message.timestamp = 1_700_000_000
        let found = try await self.variables(message).filter { $0.key.hasPrefix("MILLRACE_") }
        #expect(
            found == [
                "MILLRACE_JOB": "resize", "MILLRACE_QUEUE": "orders", "MILLRACE_ATTEMPT": "3",
                "MILLRACE_REDELIVERED": "1", "MILLRACE_BODY_BYTES": "4", "MILLRACE_EXCHANGE": "ex",
                "MILLRACE_ROUTING_KEY": "a.b", "MILLRACE_CONTENT_TYPE": "image/png", "MILLRACE_MESSAGE_ID": "m-1",
                "MILLRACE_PRIORITY": "5", "MILLRACE_TIMESTAMP": "1700000000", "MILLRACE_HEADER_X_SIZE": "-3",
                "MILLRACE_HEADER_IS_OK_": "true", "MILLRACE_HEADER___": "ü=1",
            ]
        )
    }

    @Test func `what no variable can carry is left out by name, and the program runs`() async throws {
        let message = TestMessage(
            body: "",
            headers: [
                "nul": .string("a\0b"), "table": .other, "long": .bytes([UInt8](repeating: 0x61, count: 70_000)),
                "fits": .bytes([UInt8](repeating: 0x62, count: 60_000)), "a-b": .integer(1), "a_b": .integer(2),
            ]
        )
        let found = try await self.variables(message)
        #expect(found["MILLRACE_OMITTED"] == "MILLRACE_HEADER_LONG,MILLRACE_HEADER_NUL,MILLRACE_HEADER_TABLE")
        #expect(found["MILLRACE_HEADER_FITS"]?.count == 60_000)
        #expect(found["MILLRACE_HEADER_A_B"] == "1", "of two that become one the first counts")
        #expect(found["MILLRACE_HEADER_NUL"] == nil)
    }

    @Test func `a message full of headers still leaves room for the program`() async throws {
        var headers: [String: HeaderValue] = [:]
        for number in 100..<500 { headers["h\(number)"] = .bytes([UInt8](repeating: 0x61, count: 1000)) }
        let found = try await self.variables(TestMessage(body: "", headers: headers))
        let given = found.keys.count { $0.hasPrefix("MILLRACE_HEADER_H") }
        #expect((250...262).contains(given))
        #expect(
            found["MILLRACE_OMITTED"]?.hasSuffix(",...") == true
                || found["MILLRACE_OMITTED"]?.hasSuffix("_H499") == true
        )
    }

    @Test func `octets that are no text arrive as they are`() async throws {
        let rig = try ExecRig()
        let message = TestMessage(body: "", headers: ["raw": .bytes([0x61, 0xFF, 0x62])])
        let result = try await rig.run("printf %s \"$MILLRACE_HEADER_RAW\"", message, publishes)
        #expect(result.outputs.first?.body == [0x61, 0xFF, 0x62])
    }

    @Test func `the environment is inherited, but for what is this process's own affair`() {
        let inherited = [
            "HOME=/root", "PATH=/usr/bin:/bin", "AMQP_URL=nothing", "BROKER=see AMQPS://u:p@host",
            "NOTIFY_SOCKET=/run/x",
            "WATCHDOG_USEC=1", "LISTEN_FDS=1", "MILLRACE_JOB=forged", "TOKEN=secret", "=odd", "1=2", "nothing",
            "EMPTY=",
        ]
        let environment = ProgramEnvironment(
            inherited: inherited.map { Array($0.utf8) },
            without: ["AMQP_URL", "TOKEN"],
            setting: ["HOME": "/srv", "TOKEN": "meant", "MODE": "fast"]
        )
        let entries = environment.entries.map { String(decoding: $0.dropLast(), as: UTF8.self) }
        #expect(Set(entries) == ["PATH=/usr/bin:/bin", "EMPTY=", "HOME=/srv", "TOKEN=meant", "MODE=fast"])
        #expect(environment.entries.allSatisfy { $0.last == 0 })
        #expect(environment.searchPath == "/usr/bin:/bin")
        #expect(ProgramEnvironment(inherited: [], without: [], setting: ["PATH": "/opt"]).searchPath == "/opt")
    }
}
