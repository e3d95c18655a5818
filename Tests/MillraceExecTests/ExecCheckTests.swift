import Logging
import Millrace
import MillraceExec
import Testing

/// What `millrace check` says of programs.
@Suite struct ExecCheckTests {
    private func problems(_ handler: String, folder: String) throws -> [Diagnostic] {
        let text = "version: 1\nconnection: { uri: amqp://a }\njobs:\n  a:\n    queue: q\n    handler: \(handler)\n"
        let draft = try JobFileDraft(bytes: Array(text.utf8), file: folder + "/jobs.yaml", environment: [:])
        var linkedIn = PluginRegistry()
        try linkedIn.add(linkedIn: ExecPlugin.descriptor)
        let registry = draft.loadPlugins(beside: linkedIn)
        draft.tryHandlers(registry, logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() })
        do throws(JobFileError) {
            return try draft.finish().warnings
        } catch {
            return error.diagnostics
        }
    }

    @Test func `a program that is not there is pointed at, and one that is passes with all its options read`() throws {
        let rig = try ExecRig()
        try rig.write("resize.sh", "#!/bin/sh\n")
        try rig.write("plain.sh", "#!/bin/sh\n", mode: 0o644)
        let all =
            "{ exec: [./resize.sh, --fast], timeout: 1s, grace: 1s, max_output: 5, env: { A: b }, "
            + "output: { routing_key: r, exchange: e, content_type: c } }"
        #expect(try self.problems(all, folder: rig.folder).isEmpty)
        #expect(try self.problems("{ exec: [sh] }", folder: rig.folder).isEmpty)
        let missing = try self.problems("{ exec: [./risize.sh, x] }", folder: rig.folder)
        #expect(missing.map(\.id) == ["handler-start"])
        #expect(missing.first?.line == 6)
        #expect(missing.first?.column == 23)
        #expect(missing.first?.message.contains("there is no file \(rig.folder)/risize.sh") == true)
        let plain = try self.problems("{ exec: [./plain.sh] }", folder: rig.folder)
        #expect(plain.first?.message.contains("is not executable; run chmod +x on it") == true)
        let beside = try self.problems("{ exec: [resize.sh] }", folder: rig.folder)
        #expect(beside.first?.message.contains("beside the job file; write ./resize.sh") == true)
    }

    @Test func `a program takes no batches`() throws {
        let rig = try ExecRig()
        let found = try self.problems("{ exec: [sh] }\n    batch: { size: 2 }", folder: rig.folder)
        #expect(found.map(\.id) == ["bad-handler"])
    }
}
