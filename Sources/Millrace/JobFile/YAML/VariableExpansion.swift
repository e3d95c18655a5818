/// Puts `${VAR}` and `${VAR:-default}` into the values of a tree.
///
/// What comes in is text: it never becomes structure.
package struct VariableExpansion {
    private let environment: [String: String]
    private let log: DiagnosticLog
    private var characters = 0
    private var isOverBudget = false

    package init(environment: [String: String], log: DiagnosticLog) {
        self.environment = environment
        self.log = log
    }

    package mutating func expand(_ node: YAMLNode) -> YAMLNode {
        switch node.content {
        case .broken:
            return node
        case .scalar(let scalar):
            guard scalar.text.contains("$") else { return node }
            return YAMLNode(self.expand(scalar, node.span).map { .scalar($0) } ?? .broken, span: node.span)
        case .sequence(let items):
            return YAMLNode(.sequence(items.map { self.expand($0) }), span: node.span)
        case .mapping(let pairs):
            let expanded = pairs.map {
                YAMLPair(key: $0.key, keySpan: $0.keySpan, value: self.expand($0.value))
            }
            return YAMLNode(.mapping(expanded), span: node.span)
        }
    }

    /// The scalar with its variables put in; nil after a diagnostic.
    private mutating func expand(_ scalar: YAMLScalar, _ span: SourceSpan) -> YAMLScalar? {
        var result = scalar
        result.text = ""
        var isGood = true
        var values: [String] = []
        var rest = scalar.text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result.text += rest[..<dollar]
            rest = rest[dollar...].dropFirst()
            if rest.first == "$" {
                result.text.append("$")
                rest = rest.dropFirst()
            } else if rest.first == "{" {
                guard let close = rest.firstIndex(of: "}") else {
                    self.log.error(.badVariable, span, "'${' without '}'", help: "write $$ for a dollar sign")
                    return nil
                }
                let whole = "$" + rest[...close]
                let value = self.value(of: rest[..<close].dropFirst(), whole, span)
                result.text += value ?? ""
                if let value { values.append(value) }
                isGood = isGood && value != nil
                result.isExpanded = true
                result.isWholeVariable = whole == scalar.text
                rest = rest[close...].dropFirst()
            } else {
                result.text.append("$")
            }
        }
        result.text += rest
        if result.isExpanded { self.log.confidences.note(variables: values, in: scalar.text, at: span) }
        return isGood ? result : nil
    }

    private mutating func value(of body: Substring, _ whole: String, _ span: SourceSpan) -> String? {
        let name = body.prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
        let rest = body.dropFirst(name.count)
        let isName = name.first.map { !$0.isNumber } ?? false
        guard isName, rest.isEmpty || rest.hasPrefix(":-"), !rest.contains("${") else {
            self.log.error(
                .badVariable,
                self.place(whole, span),
                "not a variable",
                help: "write ${NAME} or ${NAME:-default}"
            )
            return nil
        }
        let set = self.environment[String(name)]
        let value = rest.isEmpty || !(set ?? "").isEmpty ? set : String(rest.dropFirst(2))
        guard let value else {
            self.log.error(
                .unsetVariable,
                self.place(whole, span),
                "the variable \(quoted(String(name))) is not set",
                help: "set it, or write ${\(quotedName(name)):-default}"
            )
            return nil
        }
        return self.spend(value, String(name), whole, span)
    }

    private func quotedName(_ name: Substring) -> String { String(name.prefix(40)) }

    /// Where a variable stands in its scalar.
    ///
    /// A search, so only for an error that will be shown.
    private func place(_ whole: String, _ span: SourceSpan) -> SourceSpan {
        self.log.isFull ? span : self.log.source.find(whole, in: span)
    }

    private mutating func spend(_ value: String, _ name: String, _ whole: String, _ span: SourceSpan) -> String? {
        guard !self.isOverBudget else { return nil }
        self.characters += value.utf8.count
        if self.characters > YAMLLimits.expandedCharacters {
            self.isOverBudget = true
            self.log.error(
                .expansionTooLarge,
                self.place(whole, span),
                "with \(quoted(name)) the variables put in more than \(YAMLLimits.expandedCharacters) bytes"
            )
            return nil
        }
        if value.utf8.contains(0) {
            self.log.error(.badVariable, self.place(whole, span), "the variable \(quoted(name)) holds a NUL byte")
            return nil
        }
        return value
    }
}
