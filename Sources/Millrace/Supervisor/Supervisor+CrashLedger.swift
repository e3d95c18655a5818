import Glibc
import Logging

extension Supervisor {
    /// Opens the ledger and gives it to the pools.
    ///
    /// Jobs run without one rather than not at all.
    func openCrashLedger() -> CrashLedger? {
        guard let settings = self.file.crashLedger else { return nil }
        let path = self.file.crashLedgerPath
        guard let path else {
            self.logger.warning("no crash ledger: there is no home folder; name a file under crash_ledger: path")
            return nil
        }
        do throws(LedgerFileError) {
            let ledger = try CrashLedger(
                path: path,
                slots: self.pools.reduce(0) { $0 + $1.ledgerSlots },
                limit: settings.maxCrashes,
                now: .now(),
                logger: self.logger
            )
            for pool in self.pools { pool.crashLedger = ledger }
            return ledger
        } catch {
            self.logger.warning(
                "no crash ledger: a message that crashes the process will do so again and again",
                metadata: ["reason": "\(error)", "help": "name a file that can be written under crash_ledger: path"]
            )
            return nil
        }
    }
}

extension JobFile {
    /// Where the ledger of a run of this file is; nil if there is none, or no place for it.
    var crashLedgerPath: String? {
        guard let settings = self.crashLedger else { return nil }
        let jobFile = self.jobs.first?.location.file ?? "jobs"
        return settings.path
            ?? LedgerPath.of(jobFile: LedgerPath.absolute(jobFile)) { name in
                getenv(name).map { String(cString: $0) }
            }
    }

    /// Why the file of the crash ledger can not be used; nil if it can, or is not there yet.
    ///
    /// Jobs run all the same, and without one.
    public var crashLedgerProblem: String? {
        self.crashLedgerPath.flatMap(LedgerFile.problem(at:)).map { "no crash ledger: \($0)" }
    }
}
