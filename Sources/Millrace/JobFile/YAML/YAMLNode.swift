/// A node of a YAML document, with aliases and merge keys already followed, and where it stands.
package struct YAMLNode: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        case scalar(YAMLScalar)
        case sequence([YAMLNode])
        /// Keys are distinct.
        case mapping([YAMLPair])
        /// Could not be read, and a diagnostic says so: whoever meets it stays silent.
        case broken
    }

    package var content: Content
    package var span: SourceSpan
    /// How many nodes it stands for, itself included: what an alias to it costs.
    package let weight: Int
    /// How many levels it has: 1 for a scalar.
    package let height: Int

    package init(_ content: Content, span: SourceSpan) {
        self.content = content
        self.span = span
        switch content {
        case .scalar, .broken:
            self.weight = 1
            self.height = 1
        case .sequence(let items):
            self.weight = items.reduce(1) { $0 + $1.weight }
            self.height = 1 + (items.map(\.height).max() ?? 0)
        case .mapping(let pairs):
            self.weight = pairs.reduce(1) { $0 + 1 + $1.value.weight }
            self.height = 1 + (pairs.map(\.value.height).max() ?? 0)
        }
    }
}

/// One key of a mapping and its value.
package struct YAMLPair: Sendable, Equatable {
    package var key: String
    package var keySpan: SourceSpan
    package var value: YAMLNode

    package init(key: String, keySpan: SourceSpan, value: YAMLNode) {
        self.key = key
        self.keySpan = keySpan
        self.value = value
    }
}

/// A scalar as it was written: only a plain one can be anything but text.
package struct YAMLScalar: Sendable, Equatable {
    package enum Style: Sendable, Equatable { case plain, quoted, block }

    package var text: String
    package var style: Style
    /// A variable was put in: its text cannot be quoted in the file, so a key that wants text takes it as it is.
    package var isExpanded = false
    /// It was one `${VAR}` and nothing else: in a flow mapping that needs quotes, which then do not make it text.
    package var isWholeVariable = false

    package init(text: String, style: Style) {
        self.text = text
        self.style = style
    }
}
