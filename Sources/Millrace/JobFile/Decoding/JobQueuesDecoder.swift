/// Reads which queues a job consumes: `queue`, or `queues` for several.
struct JobQueuesDecoder {
    /// Each is a consumer on every channel of the job.
    static let limit = 100

    let log: DiagnosticLog

    /// - Returns: In the order of the file, each once; none after a diagnostic.
    func decode(_ reader: MappingReader) -> [Located<String>] {
        if let several = reader.pair("queues") {
            if let one = reader.pair("queue") {
                self.log.error(
                    .conflict,
                    one.keySpan,
                    "\(reader.subject) has 'queue' and 'queues'",
                    help: "write them all under 'queues'"
                )
                return []
            }
            return self.decode(several, reader)
        }
        if reader.pair("queue") == nil {
            let checker = KeyChecker(keys: .job, subject: reader.subject, log: self.log)
            guard !["queue", "queues"].contains(where: { checker.hasStandIn(for: $0, in: reader.pairs) }) else {
                return []
            }
            self.log.error(.missingKey, reader.span, "\(reader.subject) has no 'queue'")
            return []
        }
        return reader.name("queue").map { [$0] } ?? []
    }

    /// A list without anything in it, or nothing; whatever else is no list has been told.
    private static func isEmpty(_ node: YAMLNode) -> Bool {
        switch node.content {
        case .sequence(let items): items.isEmpty
        case .scalar(let scalar): scalar.style == .plain && scalar.text.isEmpty
        case .mapping, .broken: false
        }
    }

    private func decode(_ pair: YAMLPair, _ reader: MappingReader) -> [Located<String>] {
        let items = reader.list("queues")
        if items.isEmpty, Self.isEmpty(pair.value) {
            self.log.error(
                .missingKey,
                pair.keySpan,
                "'queues' of \(reader.subject) is empty",
                help: "it takes at least one"
            )
        }
        if items.count > Self.limit {
            let message = "\(reader.subject) has \(items.count) queues, each a consumer of every thread"
            self.log.error(.outOfRange, pair.keySpan, message, help: "at most \(Self.limit)")
            return []
        }
        var known: Set<String> = []
        return items.compactMap { item in
            guard let name = item.name(key: "queues", log: self.log) else { return nil }
            if known.insert(name.value).inserted { return name }
            self.log.error(.conflict, name.span, "\(self.log.quoted(name.value, at: name.span)) is in 'queues' twice")
            return nil
        }
    }
}
