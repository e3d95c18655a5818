import Glibc
import Millrace
import TestSupport
import Testing

@Suite struct ControlStateTests {
    private static func overrides() -> Overrides {
        var overrides = Overrides()
        overrides.setPause("a", true, ChangeNote(actor: "ada", since: 1), file: false)
        return overrides
    }

    @Test func `what is written is read, and for nobody else`() throws {
        let scratch = try Scratch()
        let state = ControlState(path: scratch.path + "/state")
        #expect(try state.read() == Overrides(), "not there is nothing")
        try state.write(Self.overrides())
        #expect(try state.read() == Self.overrides())
        var status = stat()
        #expect(stat(scratch.path + "/state", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        try state.write(Overrides())
        #expect(try state.read() == Overrides())
    }

    @Test func `what is no state is named, and stays`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/jobs.yaml"
        try scratch.write("jobs.yaml", "version: 1\n")
        #expect { try ControlState(path: path).read() } throws: { "\($0)".contains("is no control state") }
    }

    @Test func `where it can not be written the old one stays`() throws {
        let scratch = try Scratch()
        let state = ControlState(path: scratch.path + "/missing/state")
        #expect { try state.write(Self.overrides()) } throws: { "\($0)".contains("can not be written") }
    }
}
