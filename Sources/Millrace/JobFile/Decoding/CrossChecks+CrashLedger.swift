extension CrossChecks {
    /// The crash ledger has room for so many messages in hand.
    ///
    /// Of a job whose `batch` says nothing only the plugin knows whether it takes batches.
    func checkLedger(_ jobs: [JobDecoder.DecodedJob]) {
        var total = 0
        for job in jobs {
            let settings = job.settings
            let hands = max(settings.tasksPerThread?.value ?? 1, job.definition?.batch?.size ?? 1)
            let threads = settings.mostThreads
            let spare = job.definition?.killTimeout == nil ? 0 : JobDefinition.abandonLimit(threads: threads) + 1
            let before = total
            total += (threads + spare) * hands
            guard before <= LedgerLayout.slotLimit, total > LedgerLayout.slotLimit else { continue }
            self.log.warning(
                .ledgerFull,
                job.own.threads?.span ?? job.own.tasksPerThread?.span ?? job.nameSpan,
                "up to here the jobs may have \(total) messages in hand; the crash ledger has room for"
                    + " \(LedgerLayout.slotLimit), and some workers run without it",
                help: "lower 'threads' or 'tasks_per_thread', or run a second supervisor"
            )
        }
    }
}
