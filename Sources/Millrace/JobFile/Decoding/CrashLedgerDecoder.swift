/// Reads `crash_ledger`: `false`, or a block; there is a ledger unless the file says no.
struct CrashLedgerDecoder {
    let log: DiagnosticLog

    func decode(_ root: MappingReader) -> CrashLedgerSettings? {
        guard let node = root.node("crash_ledger") else { return CrashLedgerSettings() }
        if case .scalar(let scalar) = node.content, !scalar.text.isEmpty {
            return root.bool("crash_ledger")?.value == true ? CrashLedgerSettings() : nil
        }
        guard let reader = root.mapping("crash_ledger", .crashLedger) else { return nil }
        var settings = CrashLedgerSettings()
        if let path = reader.text("path") {
            if path.value.isEmpty { self.log.error(.badName, path.span, "'path' is empty") }
            settings.path = PluginPath.resolve(path.value, file: self.log.source.file)
        }
        // One crash says only who was there.
        settings.maxCrashes = reader.int("max_crashes", in: 2...100)?.value ?? settings.maxCrashes
        return settings
    }
}
