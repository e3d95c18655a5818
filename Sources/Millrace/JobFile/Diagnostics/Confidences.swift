/// Which values of a file no message repeats, and what it shows in their place.
package struct Confidences {
    private struct Variables {
        let written: String
        let values: [String]
    }

    /// Where the values of keys stand whose names say secret.
    ///
    /// Nil until a tree tells.
    private(set) var secrets: Set<SourceSpan>?
    /// Values that variables were put in, by their places.
    private var expanded: [SourceSpan: Variables] = [:]

    /// Free names, not keys: a queue may well be called `password-resets`.
    private static let named = ["jobs", "queues", "exchanges"]

    /// Notes the values of all keys that say secret.
    package mutating func note(secretsOf root: YAMLNode) {
        self.secrets = []
        guard case .mapping(let pairs) = root.content else { return }
        for pair in pairs {
            if Self.named.contains(pair.key), case .mapping(let entries) = pair.value.content {
                for entry in entries { self.look(entry.value) }
            } else {
                self.look(pair)
            }
        }
    }

    private mutating func look(_ node: YAMLNode) {
        switch node.content {
        case .mapping(let pairs): for pair in pairs { self.look(pair) }
        case .sequence(let items): for item in items { self.look(item) }
        case .scalar, .broken: break
        }
    }

    private mutating func look(_ pair: YAMLPair) {
        if SecretName.isSecret(pair.key) { self.hide(pair.value) } else { self.look(pair.value) }
    }

    /// Scalar by scalar: the keys in between may be shown.
    private mutating func hide(_ node: YAMLNode) {
        switch node.content {
        case .mapping(let pairs): for pair in pairs { self.hide(pair.value) }
        case .sequence(let items): for item in items { self.hide(item) }
        case .scalar, .broken: self.secrets?.insert(node.span)
        }
    }

    /// Notes a value that variables were put in.
    package mutating func note(variables values: [String], in written: String, at span: SourceSpan) {
        self.expanded[span] = Variables(written: written, values: values)
    }

    func shown(_ value: String, at span: SourceSpan) -> String {
        if self.secrets?.contains(span) == true { return "***" }
        return self.expanded[span].map { SecretMask.masking($0.written) } ?? value
    }

    /// What of an expanded node's text is nobody's business: secrets, and what variables put in.
    func withheld(in node: YAMLNode) -> [String] {
        switch node.content {
        case .mapping(let pairs): pairs.flatMap { self.withheld(in: $0.value) }
        case .sequence(let items): items.flatMap { self.withheld(in: $0) }
        case .scalar(let scalar):
            (self.secrets?.contains(node.span) == true ? [scalar.text] : []) + (self.expanded[node.span]?.values ?? [])
        case .broken: []
        }
    }
}
