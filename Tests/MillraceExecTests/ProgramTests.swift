import Foundation
import MillraceHandler
import MillraceTesting
import Testing

@testable import MillraceExec

/// Programs that are there, and those that are not.
@Suite struct ProgramTests {
    private let rig: ExecRig

    init() throws { self.rig = try ExecRig() }

    private func problem(_ name: String, path: String = "/usr/bin:/bin") -> ProgramError.Problem? {
        do throws(ProgramError) {
            _ = try Program([name], folder: self.rig.folder, searchPath: path)
            return nil
        } catch {
            return error.problem
        }
    }

    @Test func `a path is looked at, a name is looked for, and each way to be wrong has its words`() throws {
        let folder = self.rig.folder
        let good = try self.rig.write("good.sh", "#!/bin/sh\n")
        let plain = try self.rig.write("plain.sh", "#!/bin/sh\n", mode: 0o644)
        let odd = try self.rig.write("odd.py", "#!/usr/bin/no-such-python -E\n")
        let here = try self.rig.write("env.sh", "#! /usr/bin/env no-such-python\n")
        #expect(self.problem(good) == nil)
        #expect(self.problem(here) == nil, "what env looks for is its own affair")
        #expect(self.problem(plain) == .notExecutable(plain))
        #expect(self.problem(odd) == .noInterpreter(odd, "/usr/bin/no-such-python"))
        #expect(self.problem(folder + "/none") == .missing(folder + "/none"))
        #expect(self.problem(good + "/x") == .missing(good + "/x"))
        #expect(self.problem(folder + "/.") == .isNoFile(folder + "/."))
        #expect(self.problem("sh") == nil)
        #expect(self.problem("good.sh") == .notInPath(isBeside: true))
        #expect(self.problem("no-such-program") == .notInPath(isBeside: false))
        #expect(self.problem("good.sh", path: "/nowhere:\(folder)") == nil)
        #expect(self.problem("good.sh", path: "relative::.") == .notInPath(isBeside: true))
        #expect("\(ProgramError(name: "./x", problem: .notExecutable("/a/x")))".hasSuffix("run chmod +x on it"))
    }

    @Test func `the working directory has to be there, and is where relative arguments lead`() async throws {
        #expect(throws: ProgramError(name: "sh", problem: .noFolder("/no/such"))) {
            try Program(["sh"], folder: "/no/such", searchPath: "/bin")
        }
        try self.rig.write("note", "from here")
        #expect(try await self.rig.run("cat note; pwd", "", publishes).text?.hasPrefix("from here") == true)
    }

    @Test func `a handler whose program is not there does not start`() async throws {
        await #expect(
            throws: JobTesterError(
                .doesNotStart(
                    handler: "millrace.exec",
                    reason: "program '/no/such': there is no file /no/such; a path is relative to the job file"
                )
            )
        ) { try await self.rig.tester(["/no/such"]) }
    }

    @Test func `a program that goes away stops its job, and no message pays for it`() async throws {
        let path = try self.rig.write("once.sh", "#!/bin/sh\nexit 0\n")
        let tester = try await self.rig.tester([path])
        #expect(try await tester.run("").outcome == .ack)
        try FileManager.default.removeItem(atPath: path)
        let gone = try await tester.run("")
        #expect(gone.outcome.isStop, "\(gone.outcome)")
        try self.rig.write("once.sh", "exit 0\n")
        let broken = try await tester.run("")
        #expect(broken.outcome.isStop, "\(broken.outcome)")
        try self.rig.write("once.sh", "#!/bin/sh\nexit 0\n")
        #expect(try await tester.run("").outcome == .ack, "and it may come back")
    }

    @Test func `arguments arrive as they are written: no shell reads them`() async throws {
        let path = try self.rig.write("args.sh", "#!/bin/sh\nprintf '%s|' \"$@\"\n")
        let tester = try await self.rig.tester([path, "a b", "$HOME", "*", ""], publishes)
        #expect(try await tester.run("").text == "a b|$HOME|*||")
    }
}

extension Outcome {
    fileprivate var isStop: Bool { if case .stop = self { true } else { false } }
}
