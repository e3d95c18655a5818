/// Which queues of a job file a dead letter reaches, by the exchanges and bindings of the file.
struct DeadLetterRoutes: Sendable {
    struct Route: Equatable {
        let queue: String
        /// False if it depends on the message.
        let isCertain: Bool
    }

    private let queues: [QueueDefinition]
    private let exchanges: [ExchangeDefinition]

    init(queues: [QueueDefinition], exchanges: [ExchangeDefinition]) {
        self.queues = queues
        self.exchanges = exchanges
    }

    /// Queues that are not in the file can be reached by their name alone.
    func queues(behind target: DeadLetter) -> [Route] {
        if target.exchange.isEmpty {
            return target.routingKey.map { [Route(queue: $0, isCertain: true)] } ?? []
        }
        var routes: [Route] = []
        var seen: Set<String> = [target.exchange]
        var sources: [(exchange: String, isCertain: Bool)] = [(target.exchange, true)]
        while !sources.isEmpty {
            let source = sources.removeFirst()
            let type = self.exchanges.first { $0.name == source.exchange }?.type
            func take(_ binding: Binding) -> Bool? {
                guard binding.exchange == source.exchange else { return nil }
                return Self.takes(binding, type, target.routingKey).map { $0 && source.isCertain }
            }
            for queue in self.queues {
                let matches = queue.bindings.compactMap(take)
                if !matches.isEmpty { routes.append(Route(queue: queue.name, isCertain: matches.contains(true))) }
            }
            for exchange in self.exchanges {
                let matches = exchange.bindings.compactMap(take)
                guard !matches.isEmpty, seen.insert(exchange.name).inserted else { continue }
                sources.append((exchange.name, matches.contains(true)))
            }
        }
        return routes
    }

    /// - Returns: Nil if it never takes the message, else whether it does for sure.
    private static func takes(_ binding: Binding, _ type: String?, _ key: String?) -> Bool? {
        switch type {
        case "fanout": return true
        case "headers": return false
        case "topic":
            if binding.routingKey == "#" { return true }
            guard let key else { return false }
            return RoutingPattern.matches(binding.routingKey, key) ? true : nil
        case "direct":
            guard let key else { return false }
            return binding.routingKey == key ? true : nil
        default:
            // Not in the file, or a plugin's type: what takes it by every usual type.
            guard let key else { return false }
            return binding.routingKey == key || binding.routingKey == "#" ? false : nil
        }
    }
}
