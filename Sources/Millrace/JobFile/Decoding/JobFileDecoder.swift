/// Tree to job file: reads every part, then checks what they say together.
struct JobFileDecoder {
    let log: DiagnosticLog
    let environment: [String: String]

    /// Nil if there was an error anywhere.
    func decode(_ tree: YAMLNode) -> JobFile? {
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
        let (jobs, defaults) = JobDecoder(log: self.log).decode(reader)
        let shutdownTimeout = reader.duration("shutdown_timeout", in: .zero ... .seconds(86_400))
        let killTimeout = reader.duration("kill_timeout", in: .zero ... .seconds(3600))
        let crashLedger = CrashLedgerDecoder(log: self.log).decode(reader)
        CrossChecks(log: self.log).check(
            jobs,
            defaults: defaults,
            topology,
            ledger: crashLedger,
            publishing: connection?.publishing ?? .shared
        )
        guard !self.log.hasErrors, let version, let connection else { return nil }
        return JobFile(
            version: version,
            connection: connection,
            plugins: plugins,
            exchanges: topology.exchanges,
            queues: topology.queues,
            jobs: jobs.compactMap(\.definition),
            shutdownTimeout: shutdownTimeout?.value ?? .seconds(25),
            killTimeout: killTimeout?.value ?? .seconds(5),
            crashLedger: crashLedger,
            warnings: self.log.diagnostics()
        )
    }

    /// `x-…` at the top is a place for anchors: what is not used there is not read, variables included.
    private func withoutExtensions(_ tree: YAMLNode) -> YAMLNode {
        guard case .mapping(let pairs) = tree.content else { return tree }
        return YAMLNode(.mapping(pairs.filter { !$0.key.hasPrefix("x-") }), span: tree.span)
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

    private func plugins(_ reader: MappingReader) -> [PluginReference] {
        var plugins: [PluginReference] = []
        for node in reader.list("plugins") {
            guard let text = node.text(key: "plugins", log: self.log) else { continue }
            if text.value.isEmpty {
                self.log.error(.badName, text.span, "a plugin's path is empty")
                continue
            }
            let path = PluginPath.resolve(text.value, file: self.log.source.file)
            if let first = plugins.first(where: { $0.path == path }) {
                self.log.error(
                    .conflict,
                    text.span,
                    "the plugin \(self.log.quoted(text.value, at: text.span)) is here twice",
                    help: "first at \(first.location.line):\(first.location.column)"
                )
                continue
            }
            plugins.append(PluginReference(path: path, location: self.log.source.location(of: text.span)))
        }
        return plugins
    }
}
