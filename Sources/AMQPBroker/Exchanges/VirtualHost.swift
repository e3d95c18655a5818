/// The names of a virtual host: its queues and its exchanges.
struct VirtualHost: Sendable {
    let name: String
    var queues: [String: QueueID] = [:]
    var exchanges: [String: Exchange] = [:]
    private let comparesExactly: Bool

    /// - Parameters:
    ///   - name: Its name.
    ///   - comparesExactly: How its headers exchanges compare.
    init(_ name: String, comparesExactly: Bool) {
        self.name = name
        self.comparesExactly = comparesExactly
        for (exchange, kind) in Self.given {
            self.exchanges[exchange] = Exchange(name: exchange, kind: kind, isDurable: true)
        }
    }

    /// The exchanges that are always there; the default one has no bindings and is no exchange here.
    private static let given: [(String, Exchange.Kind)] = [
        ("amq.direct", .direct), ("amq.fanout", .fanout), ("amq.topic", .topic), ("amq.headers", .headers),
        ("amq.match", .headers),
    ]

    /// The queues that a message goes to, each once, in the order in which they were bound.
    func route(exchange: String, keys: [String], facts: MessageFacts) -> [QueueID] {
        if exchange.isEmpty, keys.count == 1 { return self.queues[keys[0]].map { [$0] } ?? [] }
        var found: [QueueID] = []
        var seen: Set<String> = []
        var next = [exchange]
        while let name = next.popLast() {
            guard seen.insert(name).inserted else { continue }
            let before = found.count + next.count
            func take(_ destination: Destination) {
                switch destination {
                case .queue(let id): if !found.contains(id) { found.append(id) }
                case .exchange(let name): next.append(name)
                }
            }
            if name.isEmpty {
                for key in keys { if let id = self.queues[key] { take(.queue(id)) } }
                continue
            }
            guard let exchange = self.exchanges[name] else { continue }
            var isRouted = false
            for key in keys {
                exchange.route(key, facts.headers, exactly: self.comparesExactly) {
                    isRouted = true
                    take($0)
                }
            }
            if !isRouted, found.count + next.count == before, let alternate = exchange.alternate {
                next.append(alternate)
            }
        }
        return found
    }

    /// A queue or an exchange is gone: so are the bindings that lead to it, and exchanges that live by them.
    mutating func forget(_ destination: Destination) {
        for name in Array(self.exchanges.keys) {
            if self.exchanges[name]?.removeBindings(where: { $0.destination == destination }) == true {
                self.deleteIfUnused(name)
            }
        }
    }

    /// The last binding of an exchange that deletes itself was removed.
    mutating func deleteIfUnused(_ name: String) {
        guard let exchange = self.exchanges[name], exchange.isAutoDelete, exchange.bindings.isEmpty else { return }
        self.exchanges[name] = nil
        self.forget(.exchange(name))
    }
}
