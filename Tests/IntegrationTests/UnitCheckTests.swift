import Foundation
import TestSupport
import Testing

/// `millrace check --unit`, with the built `millrace`.
@Suite(.ownThread, .enabled(if: ExampleFile.isBuilt, "needs a debug build; ops/test makes one"))
struct UnitCheckTests {
    private let folder: Scratch
    private let file: String

    init() throws {
        self.folder = try Scratch()
        self.file = try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "amqp://127.0.0.1:1/" }
            shutdown_timeout: 25s
            jobs:
              texts: { queue: texts, handler: { exec: [cat] } }

            """
        )
    }

    private func check(_ units: String...) throws -> Tool.Result {
        try Tool.run(ExampleFile.millrace, ["check", self.file] + units.flatMap { ["--unit", $0] })
    }

    @Test func `what is too short is status 78, with what to write; the rest of the check is done all the same`() throws
    {
        let unit = try self.folder.write("a.service", "[Service]\nExecStart=/bin/millrace run\nTimeoutStopSec=20\n")
        let manifest = try self.folder.write("a.yaml", "services: { millrace: { stop_grace_period: 40s } }\n")
        let result = try self.check(unit, manifest)
        #expect(result.status == 78)
        #expect(result.errors.contains("a.service:3: error: TimeoutStopSec 20s is too short"), "\(result.errors)")
        #expect(result.errors.contains("help: write TimeoutStopSec=35"))
        #expect(result.errors.contains("help: write KillMode=mixed"), "its job is a program")
        #expect(
            result.output.contains("a.yaml:1: service millrace: stop_grace_period 40s is enough"),
            "\(result.output)"
        )
        #expect(result.output.contains("1 job, 1 thread and channel; nothing to complain about"))
    }

    @Test func `the files that come with Millrace wait long enough`() throws {
        let files = ["systemd/millrace.service", "docker/compose.yaml", "kubernetes/millrace.yaml"]
        for file in files {
            let result = try self.check(Tool.root + "ops/" + file)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("is enough"), "\(result.output)")
        }
    }

    @Test func `a unit that can not be read is an error too`() throws {
        let missing = try self.check(self.folder.path + "/none.service")
        #expect(missing.status == 78 && missing.errors.contains("none.service"), "\(missing.errors)")
        let template = try self.folder.write("a.yaml", "kind: {{ .Values.kind }}\n")
        let result = try self.check(template)
        #expect(result.status == 78 && result.errors.contains("it was not compared"), "\(result.errors)")
    }
}
