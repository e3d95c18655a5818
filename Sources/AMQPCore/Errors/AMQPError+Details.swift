extension AMQPError {
    /// What the broker's words are about.
    public struct Entity: Sendable, Equatable {
        /// What it is.
        public enum Kind: String, Sendable {
            case exchange
            case queue
            case virtualHost = "vhost"
        }
        /// What it is.
        public let kind: Kind
        /// Its name, as it was declared or asked for.
        public let name: String
        /// Where it is or should be; nil for a virtual host itself, and where the broker does not say.
        public let virtualHost: String?

        /// An entity, for a test of one's own.
        public init(kind: Kind, name: String, virtualHost: String?) {
            self.kind = kind
            self.name = name
            self.virtualHost = virtualHost
        }
    }

    /// In what an existing queue or exchange differs from what was asked (406).
    public struct Difference: Sendable, Equatable {
        /// For instance `durable`, `type` or `x-message-ttl`.
        public let argument: String
        /// What the declaration asked for, in the broker's words; nil for none.
        public let asked: String?
        /// What exists, in the broker's words; nil for none.
        public let existing: String?

        /// A difference, for a test of one's own.
        public init(argument: String, asked: String?, existing: String?) {
            self.argument = argument
            self.asked = asked
            self.existing = existing
        }
    }

    /// The queue, exchange or virtual host that a 403, 404, 405, 406 or 530 is about.
    ///
    /// Read from the text, since AMQP has no field for it. Where the broker words it in another way than RabbitMQ it is
    /// what the failed request named; nil if that is not clear either, as after a publish.
    public var entity: Entity? { self.entityInText ?? self.asked.first }

    private var entityInText: Entity? {
        let host = self.text.quoted(after: " in vhost '", until: "'")
        for kind in [Entity.Kind.exchange, .queue] {
            // A name may hold quotes of its own, so look for what follows it.
            for start in ["no \(kind.rawValue) '", "\(kind.rawValue) '", "\(kind.rawValue) name '"] {
                guard let name = self.text.quoted(after: start, until: "' in vhost '", "' contains", "'") else {
                    continue
                }
                return Entity(kind: kind, name: name, virtualHost: host)
            }
        }
        if self.text.contains("the default exchange") { return Entity(kind: .exchange, name: "", virtualHost: nil) }
        for start in ["access to vhost '", "vhost '"] {
            guard let name = self.text.quoted(after: start, until: "' refused", "'") else { continue }
            return Entity(kind: .virtualHost, name: name, virtualHost: nil)
        }
        guard self.code.rawValue == 530, self.text.hasSuffix(" not found"),
            let name = self.text.quoted(after: "vhost ", until: " not found")
        else { return nil }
        return Entity(kind: .virtualHost, name: name, virtualHost: nil)
    }

    /// For a 406 of a declaration: what differs.
    ///
    /// Read from the text; nil for every other 406, and if the broker words it in another way than RabbitMQ.
    public var difference: Difference? {
        guard self.code.rawValue == 406, let argument = self.text.quoted(after: "inequivalent arg '", until: "' for "),
            let asked = self.text.quoted(after: ": received ", until: " but current is "),
            let existing = self.text.quoted(after: " but current is ", until: "")
        else { return nil }
        return Difference(argument: argument, asked: Self.value(asked), existing: Self.value(existing))
    }

    /// `'true'`, `none`, or `the value '1000' of type 'signedint'`.
    private static func value(_ words: String) -> String? {
        if words == "none" { return nil }
        return words.quoted(after: "'", until: "' of type", "'") ?? words
    }
}

extension String {
    /// What stands between `start` and the first of `ends` that follows it, the ends tried in order; an empty end is
    /// the end of the text.
    fileprivate func quoted(after start: String, until ends: String...) -> String? {
        guard let opening = self.range(of: start, from: self.startIndex) else { return nil }
        for end in ends {
            if end.isEmpty { return String(self[opening.upperBound...]) }
            if let closing = self.range(of: end, from: opening.upperBound) {
                return String(self[opening.upperBound..<closing.lowerBound])
            }
        }
        return nil
    }

    private func range(of needle: String, from start: Index) -> Range<Index>? {
        var index = start
        while index < self.endIndex {
            if self[index...].hasPrefix(needle) { return index..<self.index(index, offsetBy: needle.count) }
            index = self.index(after: index)
        }
        return nil
    }
}
