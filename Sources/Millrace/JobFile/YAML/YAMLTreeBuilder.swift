/// Makes a tree of events, as a value: follows aliases and merge keys within the limits, refuses what a job file has no
/// use for.
///
/// It keeps its own stack, so a deep file costs no call stack.
package struct YAMLTreeBuilder {
    private struct OpenNode {
        let start: SourceSpan
        let anchor: String?
        var mapping: YAMLMappingBuilder?  // nil for a sequence
        var items: [YAMLNode] = []
    }

    /// The document, when its last event was taken in.
    package private(set) var root: YAMLNode?
    /// A limit was passed: the tree is of no use.
    package private(set) var isAbandoned = false

    private let log: DiagnosticLog
    private var open: [OpenNode] = []
    private var anchors: [String: YAMLNode] = [:]
    private var anchorsInProgress: [String: Int] = [:]
    private var documents = 0
    private var nodeCount = 0
    private var aliasNodeCount = 0

    package init(log: DiagnosticLog) {
        self.log = log
    }

    /// Takes in one event; false means that nothing more is wanted.
    package mutating func take(_ event: YAMLEvent) -> Bool {
        if let tag = event.tag {
            self.log.error(.tag, event.span, "the tag \(quoted(tag)) has no meaning here", help: "leave the tag out")
        }
        switch event.kind {
        case .documentStart:
            self.documents += 1
            if self.documents == 1 { return true }
            self.log.error(.multipleDocuments, event.span, "a second document starts here", help: "a job file is one")
            return false
        case .alias(let name):
            return self.takeAlias(name, event.span)
        case .scalar(let scalar):
            guard self.count(event.span) else { return false }
            let isGood = !scalar.text.utf8.contains(0)  // only an escape can write one, and C strings end there
            if !isGood { self.log.error(.controlCharacter, event.span, "the character U+0000 cannot stand here") }
            return self.complete(YAMLNode(isGood ? .scalar(scalar) : .broken, span: event.span), event.anchor)
        case .sequenceStart, .mappingStart:
            return self.takeStart(event)
        case .collectionEnd:
            return self.takeEnd(event.span)
        }
    }

    private mutating func abandon(_ id: DiagnosticID, _ span: SourceSpan, _ message: String) -> Bool {
        self.log.error(id, span, message)
        self.isAbandoned = true
        return false
    }

    private mutating func count(_ span: SourceSpan) -> Bool {
        self.nodeCount += 1
        guard self.nodeCount > YAMLLimits.nodes else { return true }
        return self.abandon(.tooManyNodes, span, "more than \(YAMLLimits.nodes) values; the rest was not read")
    }

    private mutating func takeStart(_ event: YAMLEvent) -> Bool {
        guard self.open.count < YAMLLimits.depth else { return self.abandonTooDeep(event.span) }
        guard self.count(event.span) else { return false }
        if let anchor = event.anchor { self.anchorsInProgress[anchor, default: 0] += 1 }
        let mapping = event.kind == .mappingStart ? YAMLMappingBuilder() : nil
        self.open.append(OpenNode(start: event.span, anchor: event.anchor, mapping: mapping))
        return true
    }

    private mutating func abandonTooDeep(_ span: SourceSpan) -> Bool {
        self.abandon(.tooDeep, span, "nested more than \(YAMLLimits.depth) levels deep")
    }

    private mutating func takeEnd(_ span: SourceSpan) -> Bool {
        guard var last = self.open.popLast() else { return false }
        if let anchor = last.anchor { self.anchorsInProgress[anchor, default: 1] -= 1 }
        let content = last.mapping?.finish(log: self.log).map { YAMLNode.Content.mapping($0) } ?? .sequence(last.items)
        return self.complete(
            YAMLNode(content, span: SourceSpan(start: last.start.start, end: span.end)),
            last.anchor
        )
    }

    private mutating func takeAlias(_ name: String, _ span: SourceSpan) -> Bool {
        guard self.anchorsInProgress[name, default: 0] == 0, let target = self.anchors[name] else {
            let isInside = self.anchorsInProgress[name, default: 0] > 0
            self.log.error(
                .unknownAlias,
                span,
                isInside
                    ? "the alias \(quoted("*" + name)) stands inside its own anchor"
                    : "no anchor \(quoted("&" + name)) before this alias",
                help: NearestName.of(name, among: self.anchors.keys.sorted()).map { "did you mean '*\($0)'?" }
            )
            return self.count(span) && self.complete(YAMLNode(.broken, span: span), nil)
        }
        self.aliasNodeCount += target.weight
        if self.aliasNodeCount > YAMLLimits.aliasNodes {
            return self.abandon(
                .aliasBudget,
                span,
                "the aliases up to here stand for more than \(YAMLLimits.aliasNodes) values"
            )
        }
        guard self.open.count + target.height - 1 <= YAMLLimits.depth else { return self.abandonTooDeep(span) }
        return self.count(span) && self.complete(target, nil)
    }

    /// A node is whole: it goes to the list or mapping that is open.
    private mutating func complete(_ node: YAMLNode, _ anchor: String?) -> Bool {
        if let anchor { self.anchors[anchor] = node }
        guard let last = self.open.indices.last else {
            self.root = node
            return true
        }
        if self.open[last].mapping == nil {
            self.open[last].items.append(node)
        } else {
            self.open[last].mapping?.take(node, log: self.log)
        }
        return true
    }
}
