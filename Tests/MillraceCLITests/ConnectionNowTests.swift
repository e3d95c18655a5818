import Foundation
import Glibc
import Millrace
import Testing

@testable import MillraceCLI

/// The connection as the job file has it when the broker refuses the login.
@Suite struct ConnectionNowTests {
    private static func write(_ text: String) throws -> String {
        let path = FileManager.default.temporaryDirectory.path() + "/now-\(UInt64.random(in: 0...UInt64.max)).yaml"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private static func text(_ uri: String) -> String {
        "version: 1\nconnection: { uri: \"\(uri)\" }\njobs: { work: { queue: q, handler: a.b } }\n"
    }

    @Test func `a password that was written into the file meanwhile is found`() throws {
        let path = try Self.write(Self.text("amqp://ann:old@h"))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(JobFileArgument.connectionNow(of: path)?.uris == ["amqp://ann:old@h"])
        try Data(Self.text("amqp://ann:new@h").utf8).write(to: URL(filePath: path))
        #expect(JobFileArgument.connectionNow(of: path)?.uris == ["amqp://ann:new@h"])
    }

    @Test func `a variable that was set to something else since the start counts as it is`() throws {
        let path = try Self.write(Self.text("amqp://${LOGNAME_NOW:-ann:old}@h"))
        defer { try? FileManager.default.removeItem(atPath: path) }
        // What is not set at the start is not there: only what the file can have had.
        #expect(JobFileArgument.connectionNow(of: path)?.uris == ["amqp://ann:old@h"])
        let names = ["SHLVL", "PWD", "PATH"]
        let name = try #require(names.first { (name: String) in getenv(name) != nil })
        let variable = try Self.write(Self.text("amqp://ann:${\(name)}@h"))
        defer { try? FileManager.default.removeItem(atPath: variable) }
        // Not by setenv: what other tests start meanwhile would have it too.
        let now = JobFileArgument.connectionNow(of: variable) { $0 == name ? "new" : nil }
        #expect(now?.uris == ["amqp://ann:new@h"])
    }

    @Test func `a file that is not good any more, or gone, says nothing`() throws {
        let path = try Self.write("version: 2\n")
        #expect(JobFileArgument.connectionNow(of: path) == nil)
        try FileManager.default.removeItem(atPath: path)
        #expect(JobFileArgument.connectionNow(of: path) == nil)
    }
}
