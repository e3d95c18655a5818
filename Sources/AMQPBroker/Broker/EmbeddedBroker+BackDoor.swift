package import AMQPWire

/// What a test does to a broker without a client.
extension EmbeddedBroker {
    /// Puts a message in, as a publisher would.
    ///
    /// - Parameters:
    ///   - body: Its octets.
    ///   - properties: As they stand in its header frame.
    ///   - exchange: Empty for the default one.
    ///   - routingKey: The key.
    ///   - virtualHost: The name of the virtual host.
    ///   - now: The time.
    /// - Returns: How many queues have taken it.
    /// - Throws: What the broker would say to a publisher, the text alone.
    package mutating func put(
        _ body: [UInt8],
        _ properties: BasicProperties,
        exchange: String,
        routingKey: String,
        in virtualHost: String = "/",
        now: UInt64
    ) throws(BackDoorError) -> Int {
        self.pass(now)
        guard let vhost = self.vhosts.firstIndex(where: { $0.name == virtualHost }) else {
            throw BackDoorError(text: "there is no virtual host '\(virtualHost)'")
        }
        guard exchange.isEmpty || self.vhosts[vhost].exchanges[exchange] != nil else {
            throw BackDoorError(text: Refusal.noExchange(exchange, virtualHost).text)
        }
        guard let header = Message.header(properties, bodySize: body.count) else {
            throw BackDoorError(text: "a property or a header is longer than AMQP can carry")
        }
        let message: Message
        do throws(Refusal) {
            var facts = try MessageFacts(header)
            try facts.readExpiration()
            try facts.readCopies(checksMode: self.settings.profile.checksDeliveryMode)
            message = Message(exchange: exchange, routingKey: routingKey, header: header, body: body, facts: facts)
        } catch {
            throw BackDoorError(text: error.text)
        }
        self.counts.published += 1
        var taken = 0
        for id in self.targets(of: message, vhost) where self.enqueue(message, id, from: .door) { taken += 1 }
        self.settleRest()
        return taken
    }

    /// Makes a queue that is not there yet: a durable classic one, as somebody else may have it.
    package mutating func makeQueue(_ name: String, in virtualHost: String = "/", now: UInt64) {
        self.pass(now)
        guard let vhost = self.vhosts.firstIndex(where: { $0.name == virtualHost }),
            self.vhosts[vhost].queues[name] == nil,
            let options = try? QueueOptions([:], of: name, profile: self.settings.profile)
        else { return }
        let time = self.now
        let id = self.queues.insert { id in
            MessageQueue(
                id: id,
                name: name,
                vhost: vhost,
                isDurable: true,
                isAutoDelete: false,
                owner: nil,
                arguments: [:],
                options: options,
                now: time
            )
        }
        self.vhosts[vhost].queues[name] = id
    }

    /// Makes an exchange that is not there yet, a durable one.
    ///
    /// - Returns: false if there is no such type.
    package mutating func makeExchange(_ name: String, type: String, in virtualHost: String = "/") -> Bool {
        guard let kind = Exchange.Kind(rawValue: type) else { return false }
        guard let vhost = self.vhosts.firstIndex(where: { $0.name == virtualHost }),
            self.vhosts[vhost].exchanges[name] == nil
        else { return true }
        self.vhosts[vhost].exchanges[name] = Exchange(name: name, kind: kind, isDurable: true)
        return true
    }

    /// Has a queue refuse what comes, as a full one does with `reject-publish`, until it may take it again.
    ///
    /// - Returns: false if there is no such queue.
    package mutating func setRefusing(_ isRefusing: Bool, _ queue: String, in virtualHost: String = "/") -> Bool {
        guard let id = self.vhosts.first(where: { $0.name == virtualHost })?.queues[queue] else { return false }
        self.queues[id].isRefusing = isRefusing
        return true
    }

    /// Closes each channel that consumes a queue.
    ///
    /// - Returns: How many there were.
    package mutating func closeChannels(
        consuming queue: String,
        code: UInt16,
        text: String,
        in virtualHost: String = "/",
        now: UInt64
    ) -> Int {
        self.pass(now)
        guard let queue = self.vhosts.first(where: { $0.name == virtualHost })?.queues[queue] else { return 0 }
        var closed = 0
        for id in self.connections.ids where self.connections[id].phase == .running {
            for number in self.connections[id].channels.numbers {
                guard let channel = self.connections[id].channels[number], channel.state == .open,
                    channel.consumers.values.contains(queue)
                else { continue }
                let refusal = Refusal.channel(ReplyCode(rawValue: code), text)
                self.closeChannel(ChannelRef(connection: id, number: number), refusal, nil)
                closed += 1
            }
        }
        self.settleRest()
        return closed
    }

    /// What has gone out of a queue in ways that its length does not show.
    package struct Departures: Sendable {
        /// Deliveries without acks.
        package var givenAway = 0
        /// Of those, how many went to consumers that are still there.
        package var givenAwayToThose = 0
        /// Messages whose time was over.
        package var expired = 0
    }

    package func departures(of queue: String, in virtualHost: String = "/") -> Departures {
        guard let id = self.vhosts.first(where: { $0.name == virtualHost })?.queues[queue] else { return Departures() }
        return Departures(
            givenAway: self.queues[id].givenAway,
            givenAwayToThose: self.queues[id].consumers.reduce(0) { $0 + $1.givenAway },
            expired: self.queues[id].expired
        )
    }
}

/// Why the back door does not do something, in the broker's words.
package struct BackDoorError: Error, Sendable, Equatable {
    package let text: String
}
