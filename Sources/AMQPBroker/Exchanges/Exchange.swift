import AMQPWire

/// Where a binding leads.
enum Destination: Hashable, Sendable {
    case queue(QueueID)
    case exchange(String)
}

/// What is bound to an exchange, and how.
struct Binding: Equatable, Sendable {
    let destination: Destination
    let key: String
    let arguments: FieldTable
}

/// An exchange with all that is bound to it.
struct Exchange: Sendable {
    enum Kind: String, Sendable { case direct, fanout, topic, headers }
    let name: String
    let kind: Kind
    let isDurable: Bool
    let isAutoDelete: Bool
    let isInternal: Bool
    let arguments: FieldTable
    private(set) var bindings: [Binding] = []
    /// Those of a direct exchange, by key; patterns cut into words for a topic exchange.
    private var byKey: [String: [Destination]] = [:]
    private var patterns: [TopicPattern] = []

    init(
        name: String,
        kind: Kind,
        isDurable: Bool,
        isAutoDelete: Bool = false,
        isInternal: Bool = false,
        arguments: FieldTable = [:]
    ) {
        self.name = name
        self.kind = kind
        self.isDurable = isDurable
        self.isAutoDelete = isAutoDelete
        self.isInternal = isInternal
        self.arguments = arguments
    }

    /// Where messages go that go nowhere else.
    var alternate: String? { self.arguments["alternate-exchange"]?.stringValue }

    /// Does nothing if there is an equal one.
    mutating func bind(_ binding: Binding) {
        guard !self.bindings.contains(binding) else { return }
        self.bindings.append(binding)
        if self.kind == .direct { self.byKey[binding.key, default: []].append(binding.destination) }
        if self.kind == .topic { self.patterns.append(TopicPattern(binding.key)) }
    }

    /// Whether any was removed.
    @discardableResult
    mutating func removeBindings(where matches: (Binding) -> Bool) -> Bool {
        guard self.bindings.contains(where: matches) else { return false }
        let left = self.bindings.filter { !matches($0) }
        self.bindings = []
        self.byKey = [:]
        self.patterns = []
        for binding in left { self.bind(binding) }
        return true
    }

    /// Gives each destination of a message, some more than once.
    ///
    /// - Parameters:
    ///   - key: The routing key.
    ///   - headers: Of the message.
    ///   - exactly: How a headers exchange compares (``HeadersMatch``).
    ///   - take: Gets them.
    func route(_ key: String, _ headers: FieldTable?, exactly: Bool, to take: (Destination) -> Void) {
        switch self.kind {
        case .direct: for destination in self.byKey[key] ?? [] { take(destination) }
        case .fanout: for binding in self.bindings { take(binding.destination) }
        case .topic:
            let words = TopicPattern.words(key)
            for (index, binding) in self.bindings.enumerated() where self.patterns[index].matches(words) {
                take(binding.destination)
            }
        case .headers:
            for binding in self.bindings
            where HeadersMatch.matches(binding.arguments, headers ?? [:], exactly: exactly) {
                take(binding.destination)
            }
        }
    }
}
