/// Tree to job file: reads every part, then checks what they say together.
struct JobFileDecoder {
    let log: DiagnosticLog
    let environment: [String: String]

    /// What could be read; nil if nothing could.
    func decode(_ tree: YAMLNode) -> DecodedFile? {
        var expansion = VariableExpansion(environment: self.environment, log: self.log)
        let root = expansion.expand(self.withoutExtensions(tree))
        let start = SourceSpan(start: tree.span.start, end: tree.span.start + 1)
        guard let reader = MappingReader(root, .root, subject: KeySet.root.place, span: start, log: self.log) else {
            return nil
        }
        let version = self.version(reader)
        let connection = ConnectionDecoder(log: self.log).decode(reader)
        let plugins = self.plugins(reader)
        var topologyDecoder = TopologyDecoder(log: self.log)
        let topology = topologyDecoder.decode(reader)
        let jobDecoder = JobDecoder(log: self.log, connectionVariables: self.connectionVariables(tree))
        let (jobs, defaults) = jobDecoder.decode(reader)
        let shutdownTimeout = reader.duration("shutdown_timeout", in: .zero ... .seconds(86_400))
        let killTimeout = reader.duration("kill_timeout", in: .zero ... .seconds(3600))
        let crashLedger = CrashLedgerDecoder(log: self.log).decode(reader)
        let control = ControlDecoder(log: self.log)
        let (socket, admin) = (control.control(reader), control.admin(reader))
        let schedules = ScheduleDecoder(log: self.log).decode(reader)
        CrossChecks(log: self.log).check(
            jobs,
            defaults: defaults,
            topology,
            ledger: crashLedger,
            publishing: connection?.publishing ?? .shared
        )
        CrossChecks(log: self.log).checkSchedules(schedules, jobs, topology)
        return DecodedFile(
            version: version,
            connection: connection.map { Located($0, reader.pair("connection")?.keySpan ?? start) },
            plugins: plugins,
            topology: topology,
            jobs: jobs,
            shutdownTimeout: shutdownTimeout?.value ?? .seconds(25),
            killTimeout: killTimeout?.value ?? .seconds(5),
            crashLedger: crashLedger.map { Located($0, reader.pair("crash_ledger")?.keySpan ?? start) },
            control: socket,
            admin: admin,
            schedules: schedules,
            names: NameDecoder(log: self.log).decode(reader)
        )
    }

    /// `x-…` at the top is a place for anchors: what is not used there is not read, variables included.
    private func withoutExtensions(_ tree: YAMLNode) -> YAMLNode {
        guard case .mapping(let pairs) = tree.content else { return tree }
        return YAMLNode(.mapping(pairs.filter { !$0.key.hasPrefix("x-") }), span: tree.span)
    }

    private func connectionVariables(_ tree: YAMLNode) -> [String] {
        guard case .mapping(let pairs) = tree.content, let pair = pairs.first(where: { $0.key == "connection" })
        else { return [] }
        return VariableNames.all(in: pair.value)
    }

    private func version(_ reader: MappingReader) -> Int? {
        guard let version = reader.int("version", in: Int.min...Int.max) else { return nil }
        if version.value == 1 { return 1 }
        self.log.error(
            .badVersion,
            version.span,
            "version \(self.log.shown(version)) of the format is not known",
            help: "this build reads version 1"
        )
        return nil
    }

    private func plugins(_ reader: MappingReader) -> [Located<PluginReference>] {
        var plugins: [Located<PluginReference>] = []
        for node in reader.list("plugins") {
            guard let text = node.text(key: "plugins", log: self.log) else { continue }
            if text.value.isEmpty {
                self.log.error(.badName, text.span, "a plugin's path is empty")
                continue
            }
            let path = PluginPath.resolve(text.value, file: self.log.source.file)
            if let first = plugins.first(where: { $0.value.path == path }) {
                self.log.error(
                    .conflict,
                    text.span,
                    "the plugin \(self.log.quoted(text.value, at: text.span)) is here twice",
                    help: "first at \(first.value.location.line):\(first.value.location.column)"
                )
                continue
            }
            let reference = PluginReference(path: path, location: self.log.source.location(of: text.span))
            plugins.append(Located(reference, text.span))
        }
        return plugins
    }
}
