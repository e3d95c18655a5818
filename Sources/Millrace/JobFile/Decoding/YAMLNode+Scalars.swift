extension YAMLNode {
    /// What it is, as a message says it.
    package var typeName: String {
        switch self.content {
        case .mapping: return "a mapping"
        case .sequence: return "a list"
        case .broken: return "unreadable"
        case .scalar(let scalar):
            guard scalar.style == .plain else { return "text" }
            switch PlainScalar(scalar.text) {
            case .null: return scalar.text.isEmpty ? "empty" : "null"
            case .bool: return scalar.isExpanded ? "true or false" : "'\(scalar.text)'"
            case .int, .double, .hugeNumber: return "a number"
            case .text: return "text"
            }
        }
    }

    /// The scalar, if it is one and not null; `wants` is what the key takes, for the message.
    package func scalar(wants: String, key: String, log: DiagnosticLog) -> Located<YAMLScalar>? {
        switch self.content {
        case .broken: return nil
        case .scalar(let scalar) where scalar.style != .plain || PlainScalar(scalar.text) != .null || scalar.isExpanded:
            return Located(scalar, self.span)
        case .scalar, .mapping, .sequence:
            log.error(.wrongType, self.span, "'\(key)' is \(wants), not \(self.typeName)")
            return nil
        }
    }

    /// Text.
    ///
    /// A number or a boolean is refused unless it is quoted, or a variable put it there.
    package func text(key: String, log: DiagnosticLog) -> Located<String>? {
        guard let scalar = self.scalar(wants: "text", key: key, log: log) else { return nil }
        if scalar.value.style == .plain, !scalar.value.isExpanded, PlainScalar(scalar.value.text) != .text {
            log.error(
                .wrongType,
                self.span,
                "'\(key)' is text, not \(self.typeName)",
                help: "in quotes it is text"
            )
            return nil
        }
        return scalar.map(\.text)
    }

    /// A name for the wire (AMQP 0-9-1 §4.2.5.3, a short string): at most 255 bytes, no control characters.
    package func name(key: String, log: DiagnosticLog, isEmptyAllowed: Bool = false) -> Located<String>? {
        guard let text = self.text(key: key, log: log) else { return nil }
        guard isName(text.value, at: text.span, what: "'\(key)'", log: log, isEmptyAllowed: isEmptyAllowed) else {
            return nil
        }
        return text
    }
}

/// Checks a name that stands in a value or in a key.
package func isName(
    _ name: String,
    at span: SourceSpan,
    what: String,
    log: DiagnosticLog,
    isEmptyAllowed: Bool = false
) -> Bool {
    if name.isEmpty {
        if !isEmptyAllowed { log.error(.badName, span, "\(what) is empty") }
        return isEmptyAllowed
    }
    if name.utf8.count > 255 {
        log.error(.badName, span, "\(what) has \(name.utf8.count) bytes; AMQP allows 255")
        return false
    }
    if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
        log.error(.badName, span, "\(what) holds a control character")
        return false
    }
    return true
}
