import AMQPWire

/// What was seen on a connection, without what may differ: by channel, confirms as numbers, no times, no drawn names.
struct Normal: Equatable, Sendable, CustomStringConvertible {
    /// Something that was seen.
    struct Sight: Equatable, Sendable, CustomStringConvertible {
        let method: Method
        let properties: BasicProperties?
        let body: [UInt8]

        var description: String {
            self.properties.map { "\(self.method) \(self.body) \($0)" } ?? "\(self.method)"
        }
    }
    private(set) var seen: [UInt16: [Sight]] = [:]
    private(set) var acked: [UInt16: Set<UInt64>] = [:]
    private(set) var nacked: [UInt16: Set<UInt64>] = [:]

    var description: String {
        let channels = Set(self.seen.keys).union(self.acked.keys).union(self.nacked.keys).sorted()
        return channels.map { channel in
            "channel \(channel): \((self.seen[channel] ?? []).map(\.description).joined(separator: "; "))"
                + (self.acked[channel].map { " acked \($0.sorted())" } ?? "")
                + (self.nacked[channel].map { " nacked \($0.sorted())" } ?? "")
        }.joined(separator: " | ")
    }

    /// - Parameters:
    ///   - all: What was seen, in its order.
    ///   - confirms: What is known of the channels' numbers; taken further.
    init(_ all: [Seen], _ confirms: inout [UInt16: ConfirmNumbers]) {
        for one in all {
            let channel = one.channel
            switch one.method {
            case .basicAck(let ack):
                let numbers = confirms[channel, default: ConfirmNumbers()].take(ack.deliveryTag, ack.multiple)
                self.acked[channel, default: []].formUnion(numbers)
            case .basicNack(let nack):
                let numbers = confirms[channel, default: ConfirmNumbers()].take(nack.deliveryTag, nack.multiple)
                self.nacked[channel, default: []].formUnion(numbers)
            case .channelOpenOk: confirms[channel] = nil
            default:
                self.seen[channel, default: []]
                    .append(
                        Sight(
                            method: Self.plain(one.method),
                            properties: one.header.isEmpty ? nil : Self.plain(one.properties),
                            body: one.body
                        )
                    )
            }
        }
        // What queues hand out to a channel that is being closed comes before the close, or behind it (C37).
        self.seen = self.seen.mapValues { sights in
            sights.filter { $0.method.id != .channelClose } + sights.filter { $0.method.id == .channelClose }
        }
        self.seen = self.seen.mapValues(Self.returnsFirst)
    }

    /// Returns are the channel's own: they come before what queues hand out meanwhile, or between.
    private static func returnsFirst(_ sights: [Sight]) -> [Sight] {
        var sorted: [Sight] = []
        for sight in sights {
            let place = sorted.lastIndex { $0.method.id != .basicDeliver } ?? -1
            sorted.insert(sight, at: sight.method.id == .basicReturn ? place + 1 : sorted.count)
        }
        return sorted
    }

    /// Whether RabbitMQ may show this where the embedded broker shows something else.
    ///
    /// Of publishes in one write with one that is refused RabbitMQ confirms some now and then, before it closes the channel;
    /// the embedded broker confirms none, and says at once what a queue refuses.
    ///
    /// - Parameters:
    ///   - expected: What the embedded broker shows.
    ///   - early: The numbers of such publishes, by channel.
    /// - Returns: Whether both are alike but for those confirms.
    func agrees(with expected: Normal, early: [UInt16: ClosedRange<UInt64>]) -> Bool {
        if self == expected { return true }
        guard !early.isEmpty, self.seen == expected.seen else { return false }
        let channels = Set(self.acked.keys).union(self.nacked.keys).union(expected.acked.keys)
            .union(expected.nacked.keys)
        return channels.allSatisfy { channel in
            let (acked, nacked) = (self.acked[channel] ?? [], self.nacked[channel] ?? [])
            let (ours, refused) = (expected.acked[channel] ?? [], expected.nacked[channel] ?? [])
            guard let numbers = early[channel] else { return acked == ours && nacked == refused }
            let isMoot = acked.symmetricDifference(ours).union(nacked.symmetricDifference(refused))
                .isSubset(of: Set(numbers))
            return isMoot && acked.isDisjoint(with: refused) && nacked.isDisjoint(with: ours)
        }
    }

    private static func plain(_ properties: BasicProperties) -> BasicProperties {
        guard let deaths = properties.headers?["x-death"]?.arrayValue else { return properties }
        var properties = properties
        properties.headers?["x-death"] = .array(
            deaths.map { death in
                guard var table = death.tableValue, table["time"] != nil else { return death }
                table["time"] = .timestamp(0)
                return .table(table)
            }
        )
        return properties
    }

    /// Without the names that a broker has drawn.
    private static func plain(_ method: Method) -> Method {
        switch method {
        case .queueDeclareOk(var ok):
            ok.queue = self.plain(ok.queue)
            return .queueDeclareOk(ok)
        case .basicConsumeOk(var ok):
            ok.consumerTag = self.plain(ok.consumerTag)
            return .basicConsumeOk(ok)
        case .basicDeliver(var deliver):
            deliver.consumerTag = self.plain(deliver.consumerTag)
            return .basicDeliver(deliver)
        case .basicCancel(var cancel):
            cancel.consumerTag = self.plain(cancel.consumerTag)
            return .basicCancel(cancel)
        case .channelClose(var close):
            close.replyText = self.plain(close.replyText)
            return .channelClose(close)
        case .connectionClose(var close):
            close.replyText = self.plain(close.replyText)
            return .connectionClose(close)
        default: return method
        }
    }

    private static func plain(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "a")), text.contains("amq.") else { return text }
        var text = text
        for prefix in ["amq.gen-", "amq.ctag-"] {
            while let range = text.range(of: prefix), text.distance(from: range.upperBound, to: text.endIndex) >= 22 {
                text.replaceSubrange(
                    range.lowerBound..<text.index(range.upperBound, offsetBy: 22),
                    with: prefix.dropLast()
                )
            }
        }
        return text
    }
}

extension String {
    /// Where another text stands in it first.
    fileprivate func range(of other: String) -> Range<String.Index>? {
        var start = self.startIndex
        while start < self.endIndex {
            if self[start...].hasPrefix(other) { return start..<self.index(start, offsetBy: other.count) }
            start = self.index(after: start)
        }
        return nil
    }
}

/// Which numbers of a channel have been confirmed.
struct ConfirmNumbers: Sendable {
    /// All up to this one have been.
    private(set) var through: UInt64 = 0
    private var beyond: Set<UInt64> = []

    /// The numbers that a confirm says something of.
    mutating func take(_ tag: UInt64, _ multiple: Bool) -> [UInt64] {
        let first = multiple ? Swift.min(self.through + 1, tag) : tag
        let new = (first...tag).filter { $0 > self.through && !self.beyond.contains($0) }
        self.beyond.formUnion(new)
        while self.beyond.remove(self.through + 1) != nil { self.through += 1 }
        return new.isEmpty ? [tag] : new
    }
}
