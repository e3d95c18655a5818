extension JobFile {
    /// The file with the broker's names in place of its own, wherever it speaks of a queue or an exchange.
    ///
    /// All that comes after, from the plan to the status, knows the broker's names alone.
    func named(by settings: NameSettings) -> JobFile {
        var names = settings
        names.queues = Set(self.writtenQueues)
        names.exchanges = Set(self.writtenExchanges).subtracting([""])
        var file = self
        file.names = names
        for index in file.exchanges.indices {
            file.exchanges[index].name = names.onBroker(file.exchanges[index].name)
            file.exchanges[index].bindings = names.onBroker(file.exchanges[index].bindings)
            if case .string(let other)? = file.exchanges[index].arguments[Self.alternate] {
                file.exchanges[index].arguments[Self.alternate] = .string(names.onBroker(other))
            }
        }
        for index in file.queues.indices {
            file.queues[index].name = names.onBroker(file.queues[index].name)
            file.queues[index].bindings = names.onBroker(file.queues[index].bindings)
            file.queues[index].deadLetter = file.queues[index].deadLetter.map(names.onBroker)
        }
        for index in file.jobs.indices {
            file.jobs[index].queue = names.onBroker(file.jobs[index].queue)
            file.jobs[index].furtherQueues = file.jobs[index].furtherQueues.map(names.onBroker)
            // A program is told which queue its message is from.
            if file.jobs[index].isProgram, file.jobs[index].furtherQueues.isEmpty {
                file.jobs[index].with["queue"] = .string(file.jobs[index].queue)
            }
        }
        for index in file.schedules.indices {
            file.schedules[index].queue = names.onBroker(file.schedules[index].queue)
            file.schedules[index].clockPrefix = names.prefix
        }
        return file
    }

    private static let alternate = "alternate-exchange"

    private var writtenQueues: [String] {
        let deadLetters = self.queues.compactMap(\.deadLetter).filter(\.exchange.isEmpty).compactMap(\.routingKey)
        let outputs = self.programOutputs.filter(\.exchange.isEmpty).map(\.routingKey)
        return self.queues.map(\.name) + deadLetters + self.jobs.flatMap(\.queues) + self.schedules.map(\.queue)
            + outputs
    }

    private var writtenExchanges: [String] {
        let bindings = self.queues.flatMap(\.bindings) + self.exchanges.flatMap(\.bindings)
        return self.exchanges.map(\.name) + bindings.map(\.exchange) + self.queues.compactMap(\.deadLetter?.exchange)
            + self.exchanges.compactMap { $0.arguments[Self.alternate]?.text }
            + self.programOutputs.map(\.exchange)
    }

    /// Where `output` of a program leads; what a plugin's handler does with its options nobody here knows.
    private var programOutputs: [(exchange: String, routingKey: String)] {
        self.jobs.filter(\.isProgram).compactMap { job in
            guard case .object(let members)? = job.with["output"] else { return nil }
            func text(_ key: String) -> String? {
                if case .string(let text)? = members.first(where: { $0.key == key })?.value { text } else { nil }
            }
            return text("routing_key").map { (text("exchange") ?? "", $0) }
        }
    }
}

extension JobDefinition {
    fileprivate var isProgram: Bool { self.handler == ExecDecoder.name }
}

extension ArgumentValue {
    fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
}

extension NameSettings {
    fileprivate func onBroker(_ bindings: [Binding]) -> [Binding] {
        bindings.map { binding in
            var renamed = binding
            renamed.exchange = self.onBroker(binding.exchange)
            return renamed
        }
    }

    /// On the default exchange the key is a queue's name.
    fileprivate func onBroker(_ target: DeadLetter) -> DeadLetter {
        var renamed = target
        renamed.exchange = self.onBroker(target.exchange)
        if target.exchange.isEmpty { renamed.routingKey = target.routingKey.map(self.onBroker) }
        return renamed
    }

    /// All names that it makes longer.
    func longest(in file: JobFile) -> String? {
        let named = file.named(by: self).names
        return (named?.queues ?? []).union(named?.exchanges ?? []).map(self.onBroker).max {
            $0.utf8.count < $1.utf8.count
        }
    }
}
