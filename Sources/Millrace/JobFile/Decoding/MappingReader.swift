/// Reads the keys of one mapping.
///
/// Each read gives the value or nil, and whatever is wrong goes to the log; so a decoder asks for all it wants and
/// never stops at the first mistake.
package struct MappingReader {
    package let log: DiagnosticLog
    /// The mapping by name in a message: "job 'thumbnails'".
    package let subject: String
    /// Where the mapping is named: the key it belongs to.
    package let span: SourceSpan
    package let pairs: [YAMLPair]
    private let byKey: [String: YAMLPair]

    /// Checks the keys at once: unknown ones, foreign ones, those of a later version, those that are missing.
    ///
    /// Nothing (`mail:` with no value) is an empty mapping. Nil if the node is something else.
    package init?(_ node: YAMLNode, _ keys: KeySet, subject: String, span: SourceSpan, log: DiagnosticLog) {
        guard let pairs = Self.pairs(of: node, subject: subject, log: log) else { return nil }
        self.log = log
        self.subject = subject
        self.span = span
        self.pairs = pairs
        self.byKey = Dictionary(pairs.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        let checker = KeyChecker(keys: keys, subject: subject, log: log)
        for pair in pairs { checker.check(pair) }
        for key in keys.required where self.byKey[key] == nil && !checker.hasStandIn(for: key, in: pairs) {
            log.error(.missingKey, span, "\(subject) has no '\(key)'", help: KeySet.examples[key])
        }
    }

    /// The pairs of a mapping whose keys are free names, such as `queues`.
    package static func pairs(of node: YAMLNode, subject: String, log: DiagnosticLog) -> [YAMLPair]? {
        switch node.content {
        case .mapping(let pairs): return pairs
        case .broken: return nil
        case .scalar(let scalar) where scalar.style == .plain && scalar.text.isEmpty: return []
        case .scalar, .sequence:
            log.error(.wrongType, node.span, "\(subject) is a mapping of keys and values, not \(node.typeName)")
            return nil
        }
    }

    package func pair(_ key: String) -> YAMLPair? { self.byKey[key] }

    package func node(_ key: String) -> YAMLNode? { self.byKey[key]?.value }

    /// The scalar of a key; nil if the key is absent or its value is something else.
    package func scalar(_ key: String, wants: String) -> Located<YAMLScalar>? {
        guard let node = self.node(key) else { return nil }
        return node.scalar(wants: wants, key: key, log: self.log)
    }

    /// A mapping below this one.
    package func mapping(_ key: String, _ keys: KeySet) -> MappingReader? {
        guard let pair = self.byKey[key] else { return nil }
        let subject = self.subject == KeySet.root.place ? "'\(key)'" : "'\(key)' of \(self.subject)"
        return MappingReader(pair.value, keys, subject: subject, span: pair.keySpan, log: self.log)
    }

    /// A list below this one; nothing (`plugins:` with no value) is an empty list.
    package func list(_ key: String) -> [YAMLNode] {
        guard let node = self.node(key) else { return [] }
        switch node.content {
        case .sequence(let items): return items
        case .broken: return []
        case .scalar(let scalar) where scalar.style == .plain && scalar.text.isEmpty: return []
        case .scalar, .mapping:
            self.log.error(.wrongType, node.span, "'\(key)' is a list, not \(node.typeName)", help: "write [ ... ]")
            return []
        }
    }
}
