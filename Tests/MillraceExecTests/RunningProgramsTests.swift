import Dispatch
import Glibc
import Testing

@testable import MillraceExec

/// What becomes of programs at the end of the process.
@Suite struct RunningProgramsTests {
    private let programs = RunningPrograms()

    /// A program that sleeps, in a group of its own.
    private func sleeper() throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var pid = pid_t()
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("1000"), nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawnp(&pid, "sleep", nil, &attributes, arguments, environ) == 0)
        return pid
    }

    /// The signal that has ended it.
    private func end(of pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F
    }

    @Test func `those that run are ended, and none is started any more`() throws {
        let pid = try self.sleeper()
        #expect(self.programs.mayStart())
        self.programs.began(ProcessGroup(id: pid))
        self.programs.killAll(patience: .seconds(3600))
        #expect(self.end(of: pid) == SIGKILL)
        #expect(!self.programs.mayStart())
    }

    @Test func `one that is just being started is waited for, and ended`() throws {
        #expect(self.programs.mayStart())
        let begin = ContinuousClock.now
        self.programs.killAll(patience: .milliseconds(50))
        #expect(ContinuousClock.now - begin >= .milliseconds(50))
        let pid = try self.sleeper()
        self.programs.began(ProcessGroup(id: pid))
        #expect(self.end(of: pid) == SIGKILL)
        self.programs.killAll(patience: .seconds(3600))
    }

    @Test func `one that could not be started is waited for no longer`() {
        #expect(self.programs.mayStart())
        self.programs.didNotBegin()
        self.programs.killAll(patience: .seconds(3600))
    }
}
