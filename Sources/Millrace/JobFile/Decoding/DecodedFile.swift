/// A job file as far as it could be read, with the places that what is found later points at.
struct DecodedFile {
    let version: Int?
    let connection: Located<ConnectionSettings>?
    let plugins: [Located<PluginReference>]
    let topology: TopologyDecoder.Topology
    let jobs: [JobDecoder.DecodedJob]
    let shutdownTimeout: Duration
    let killTimeout: Duration
    let crashLedger: Located<CrashLedgerSettings>?
    let control: ControlSettings?
    let admin: AdminSettings?
    let schedules: [ScheduleDecoder.DecodedSchedule]
    let names: NameDecoder.DecodedNames?

    /// Nil if there was an error anywhere.
    func jobFile(_ log: DiagnosticLog) -> JobFile? {
        guard !log.hasErrors, let version, let connection else { return nil }
        let file = JobFile(
            version: version,
            connection: connection.value,
            plugins: self.plugins.map(\.value),
            exchanges: self.topology.exchanges,
            queues: self.topology.queues,
            jobs: self.jobs.compactMap(\.definition),
            shutdownTimeout: self.shutdownTimeout,
            killTimeout: self.killTimeout,
            crashLedger: self.crashLedger?.value,
            control: self.control,
            admin: self.admin,
            schedules: self.schedules.compactMap(\.definition),
            warnings: log.diagnostics()
        )
        guard let names else { return file }
        NameDecoder(log: log).check(names, file)
        return log.hasErrors ? nil : file.named(by: names.settings)
    }
}
