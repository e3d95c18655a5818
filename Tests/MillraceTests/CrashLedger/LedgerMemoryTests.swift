import Foundation
import TestSupport
import Testing

@testable import Millrace

/// How long the memory of a ledger's file is there.
@Suite struct LedgerMemoryTests {
    /// How often this process has a file in its memory.
    private func mappings(of name: String) throws -> Int {
        let file = try #require(FileHandle(forReadingAtPath: "/proc/self/maps"))
        let maps = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        return maps.split(separator: "\n").count { $0.contains(name) }
    }

    @Test func `the memory goes when nobody writes to it any more, however often the file grew`() throws {
        let name = "ledger-\(UUID().uuidString)"
        let path = FileManager.default.temporaryDirectory.path() + name
        defer { try? FileManager.default.removeItem(atPath: path) }
        let job = JobDefinition(
            name: "job",
            queue: "work",
            handler: HandlerName(plugin: "test", handler: "none"),
            location: SourceLocation(file: "jobs.yaml", line: 1, column: 1)
        )
        var ledger: CrashLedger? = try CrashLedger(path: path, slots: 4, limit: 2, now: .now(), logger: Broker.quiet)
        var line: LedgerLine? = try #require(ledger?.line(for: job, hands: 2))
        ledger?.makeRoom(for: 8)
        ledger?.end()
        #expect(try self.mappings(of: name) == 2)
        ledger = nil
        // A handler that was left behind is at it.
        #expect(try self.mappings(of: name) == 2)
        line?.end()
        line = nil
        #expect(try self.mappings(of: name) == 0)
    }
}
