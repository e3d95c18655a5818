import Glibc
import Testing

/// What the signal handler does in a process of its own.
@Suite struct CrashMarkTests {
    private static let folder = #filePath[..<(#filePath.lastIndex(of: "/") ?? #filePath.endIndex)]

    /// What `waitpid` gives for the program of `Fixtures/crash.c`.
    private func end(_ how: String) throws -> Int32 {
        var template = Array("/tmp/millrace-crash.XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            unlink(path + "/crash")
            rmdir(path)
        }
        let sources = "\(Self.folder)/../../../Sources/CMillraceSystem"
        let compiled = try self.run([
            "cc", "-pthread", "-I", sources + "/include", "-o", path + "/crash", sources + "/crash.c",
            "\(Self.folder)/Fixtures/crash.c",
        ])
        try #require(compiled == 0)
        return try self.run([path + "/crash", how])
    }

    private func run(_ command: [String]) throws -> Int32 {
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        try #require(posix_spawnp(&process, command[0], nil, nil, &arguments, environ) == 0)
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return status
    }

    @Test func `a trap that the processor takes for done ends the process all the same`() throws {
        #expect(try self.end("trap") & 0x7F == SIGTRAP)
    }

    @Test func `the end of a forked child is not the process's; of one that asked for it, it is`() throws {
        #expect(try self.end("fork") == 0)
        #expect(try self.end("own") == 1 << 8)
    }
}
