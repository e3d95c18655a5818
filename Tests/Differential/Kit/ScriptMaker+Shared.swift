import AMQPWire

/// The exchanges that all scripts have in common: several are played side by side, and what one binds there takes nothing
/// that another one publishes.
extension ScriptMaker {
    func owned(_ step: ScriptStep) -> ScriptStep {
        guard case .send(let parts) = step.action else { return step }
        let action = ScriptStep.Action.send(parts.map(self.owned))
        return ScriptStep(connection: step.connection, channel: step.channel, action: action)
    }

    private func owned(_ part: ScriptStep.Part) -> ScriptStep.Part {
        var part = part
        switch part.method {
        case .queueBind(var bind):
            // No queue and no key: the key is the name of the queue declared last.
            let isNamed = !bind.queue.isEmpty || !bind.routingKey.isEmpty
            (bind.routingKey, bind.arguments) = self.owned(bind.exchange, bind.routingKey, bind.arguments, isNamed)
            part.method = .queueBind(bind)
        case .queueUnbind(var bind):
            let isNamed = !bind.queue.isEmpty || !bind.routingKey.isEmpty
            (bind.routingKey, bind.arguments) = self.owned(bind.exchange, bind.routingKey, bind.arguments, isNamed)
            part.method = .queueUnbind(bind)
        case .exchangeBind(var bind):
            (bind.routingKey, bind.arguments) = self.owned(bind.source, bind.routingKey, bind.arguments, true)
            part.method = .exchangeBind(bind)
        case .exchangeUnbind(var bind):
            (bind.routingKey, bind.arguments) = self.owned(bind.source, bind.routingKey, bind.arguments, true)
            part.method = .exchangeUnbind(bind)
        case .basicPublish(let publish):
            if publish.exchange == "amq.headers" { part.properties.headers?["own"] = .string(self.prefix) }
        default: break
        }
        return part
    }

    private func owned(
        _ exchange: String,
        _ key: String,
        _ arguments: FieldTable,
        _ isNamed: Bool
    ) -> (String, FieldTable) {
        switch exchange {
        case "amq.direct": return (isNamed && !key.hasPrefix(self.prefix) ? self.prefix + key : key, arguments)
        case "amq.headers":
            var arguments = arguments
            arguments["own"] = .string(self.prefix)
            if let mode = arguments["x-match"]?.stringValue, mode.hasPrefix("any") {
                arguments["x-match"] = .string("all" + mode.dropFirst(3))
            }
            return (key, arguments)
        default: return (key, arguments)
        }
    }
}
