import Millrace
import Testing

/// `crash_ledger` in a job file.
@Suite struct CrashLedgerSettingsTests {
    private func parse(_ line: String) throws -> CrashLedgerSettings? {
        try JobFileFixture.parse(JobFileFixture.withJob() + line + "\n").crashLedger
    }

    @Test func `there is one unless the file says no`() throws {
        #expect(try self.parse("") == CrashLedgerSettings(path: nil, maxCrashes: 2))
        #expect(try self.parse("crash_ledger: true") == CrashLedgerSettings())
        #expect(try self.parse("crash_ledger: false") == nil)
        #expect(
            try self.parse("crash_ledger: { path: state/a.ledger, max_crashes: 5 }")
                == CrashLedgerSettings(path: "./state/a.ledger", maxCrashes: 5)
        )
    }

    @Test func `one crash is no proof, an empty path is no file`() {
        let problems = JobFileFixture.problems(
            JobFileFixture.withJob() + "crash_ledger: { path: '', max_crashes: 1 }\n"
        )
        #expect(problems.count == 2)
    }
}
