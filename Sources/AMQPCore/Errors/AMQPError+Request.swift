import AMQPWire

/// For brokers that word a refusal in another way than RabbitMQ: what the failed request itself was about.
extension AMQPError {
    /// The same error, with the queue or exchange of the request that it answers.
    ///
    /// Only what ends a channel by 403 to 406, and blames this request, is about its entity.
    func answering(_ request: some AMQPMethod) -> AMQPError {
        guard case .channel = self.scope, (403...406).contains(self.code.rawValue),
            self.method == type(of: request).id
        else { return self }
        return AMQPError(
            self.code,
            scope: self.scope,
            text: self.text,
            method: self.method,
            advice: self.ownAdvice,
            asked: self.named(among: Self.entities(of: request))
        )
    }

    /// A binding has two: then the words have to tell which.
    private func named(among entities: [Entity]) -> [Entity] {
        if entities.count == 1 { return entities }
        let named = entities.filter { !$0.name.isEmpty && self.text.contains($0.name) }
        return named.count == 1 ? named : []
    }

    private static func entities(of request: some AMQPMethod) -> [Entity] {
        func queue(_ name: String) -> Entity { Entity(kind: .queue, name: name, virtualHost: nil) }
        func exchange(_ name: String) -> Entity { Entity(kind: .exchange, name: name, virtualHost: nil) }
        return switch request {
        case let declare as QueueDeclare: [queue(declare.queue)]
        case let delete as QueueDelete: [queue(delete.queue)]
        case let purge as QueuePurge: [queue(purge.queue)]
        case let bind as QueueBind: [queue(bind.queue), exchange(bind.exchange)]
        case let unbind as QueueUnbind: [queue(unbind.queue), exchange(unbind.exchange)]
        case let declare as ExchangeDeclare: [exchange(declare.exchange)]
        case let delete as ExchangeDelete: [exchange(delete.exchange)]
        case let bind as ExchangeBind: [exchange(bind.destination), exchange(bind.source)]
        case let unbind as ExchangeUnbind: [exchange(unbind.destination), exchange(unbind.source)]
        case let consume as BasicConsume: [queue(consume.queue)]
        case let get as BasicGet: [queue(get.queue)]
        default: []
        }
    }
}
