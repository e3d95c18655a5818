/// Reads the blocks whose keys are free: `with` and `arguments`.
struct ValueTreeDecoder {
    let log: DiagnosticLog

    /// Nil after a diagnostic.
    func option(_ node: YAMLNode) -> OptionValue? {
        switch node.content {
        case .broken:
            return nil
        case .scalar(let scalar):
            return self.scalar(scalar, node.span)
        case .sequence(let items):
            return .array(items.compactMap(self.option))
        case .mapping(let pairs):
            return .object(
                pairs.compactMap { pair in
                    self.option(pair.value).map { OptionValue.Member(key: pair.key, value: $0) }
                }
            )
        }
    }

    private func scalar(_ scalar: YAMLScalar, _ span: SourceSpan) -> OptionValue? {
        guard scalar.style == .plain else { return .string(scalar.text) }
        switch PlainScalar(scalar.text) {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .int(let value): return .int(value)
        case .double(let value): return .double(value)
        case .text: return .string(scalar.text)
        case .hugeNumber:
            self.log.error(.outOfRange, span, "no 64 bits hold this number", help: "in quotes it is text")
            return nil
        }
    }

    /// A job's `with`; its own keys go by name.
    func options(_ reader: MappingReader) -> [String: OptionValue] {
        guard let node = reader.node("with"),
            let pairs = MappingReader.pairs(of: node, subject: "'with'", log: self.log)
        else { return [:] }
        return Dictionary(
            pairs.compactMap { pair in self.option(pair.value).map { (pair.key, $0) } },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// An `arguments` block; field names are short strings on the wire.
    func arguments(_ reader: MappingReader, key: String = "arguments") -> [String: ArgumentValue] {
        guard let node = reader.node(key),
            let pairs = MappingReader.pairs(of: node, subject: "'\(key)'", log: self.log)
        else { return [:] }
        return self.table(pairs)
    }

    private func table(_ pairs: [YAMLPair]) -> [String: ArgumentValue] {
        var table: [String: ArgumentValue] = [:]
        for pair in pairs where isName(pair.key, at: pair.keySpan, what: "an argument's name", log: self.log) {
            table[pair.key] = self.argument(pair.value)
        }
        return table
    }

    private func argument(_ node: YAMLNode) -> ArgumentValue? {
        switch node.content {
        case .broken: return nil
        case .sequence(let items): return .array(items.compactMap(self.argument))
        case .mapping(let pairs): return .table(self.table(pairs))
        case .scalar(let scalar):
            switch self.scalar(scalar, node.span) {
            case .string(let value): return .string(value)
            case .int(let value): return .int(value)
            case .double(let value): return .double(value)
            case .bool(let value): return .bool(value)
            case .null: return .null
            case .array, .object, nil: return nil
            }
        }
    }
}
