/// Gathers the keys and values of one mapping; refuses a key that is there twice, and merges `<<` at the end.
struct YAMLMappingBuilder {
    private enum Waiting {
        case key
        case value(String, SourceSpan)
        case mergeValue
        /// The key was refused; its value is thrown away.
        case nothing
    }

    private var waiting = Waiting.key
    private var pairs: [YAMLPair] = []
    private var places: [String: SourceSpan] = [:]
    private var mergePlace: SourceSpan?
    private var merges: [YAMLNode] = []

    mutating func take(_ node: YAMLNode, log: DiagnosticLog) {
        switch self.waiting {
        case .key:
            self.waiting = self.takeKey(node, log)
            return
        case .value(let key, let span):
            self.pairs.append(YAMLPair(key: key, keySpan: span, value: node))
        case .mergeValue:
            if case .sequence(let nodes) = node.content { self.merges += nodes } else { self.merges.append(node) }
        case .nothing:
            break
        }
        self.waiting = .key
    }

    private mutating func takeKey(_ node: YAMLNode, _ log: DiagnosticLog) -> Waiting {
        guard case .scalar(let scalar) = node.content else {
            if node.content != .broken { log.error(.complexKey, node.span, "a key must be one word") }
            return .nothing
        }
        let isMerge = scalar.text == "<<" && scalar.style == .plain
        if let first = isMerge ? self.mergePlace : self.places[scalar.text] {
            let place = log.source.place(of: first)
            let help = isMerge ? "; merge a list: <<: [*a, *b]" : ""
            log.error(
                .duplicateKey,
                node.span,
                "the key \(quoted(scalar.text)) is here twice",
                help: "first at \(place.line):\(place.column)\(help)"
            )
            return .nothing
        }
        if isMerge {
            self.mergePlace = node.span
            return .mergeValue
        }
        self.places[scalar.text] = node.span
        if scalar.text.contains("${") {
            log.error(.badVariable, node.span, "variables stand in values; a key is taken as it is written")
            return .nothing
        }
        return .value(scalar.text, node.span)
    }

    /// The pairs; what is merged in comes last, and never replaces what is written.
    mutating func finish(log: DiagnosticLog) -> [YAMLPair]? {
        for merge in self.merges {
            switch merge.content {
            case .mapping(let merged):
                for pair in merged where self.places[pair.key] == nil {
                    self.places[pair.key] = pair.keySpan
                    self.pairs.append(pair)
                }
            case .broken:
                break
            case .scalar, .sequence:
                log.error(.mergeKey, merge.span, "'<<' merges a mapping, or a list of mappings")
            }
        }
        return self.pairs
    }
}
