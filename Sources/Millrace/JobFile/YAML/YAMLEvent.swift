/// One step of the parser, with its place.
package struct YAMLEvent: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case documentStart
        case alias(String)
        case scalar(YAMLScalar)
        case sequenceStart
        case mappingStart
        case collectionEnd
    }

    package var kind: Kind
    package var span: SourceSpan
    package var anchor: String?
    package var tag: String?

    package init(_ kind: Kind, span: SourceSpan, anchor: String? = nil, tag: String? = nil) {
        self.kind = kind
        self.span = span
        self.anchor = anchor
        self.tag = tag
    }
}
