package import AMQPWire

/// What can be asked of a broker about an exchange, a queue or a binding, as a value.
package enum Declaration: Equatable, Sendable {
    case exchange(ExchangeDeclare)
    case queue(QueueDeclare)
    case exchangeBinding(ExchangeBind)
    case queueBinding(QueueBind)

    /// What is sent.
    package var method: MethodID {
        switch self {
        case .exchange: .exchangeDeclare
        case .queue: .queueDeclare
        case .exchangeBinding: .exchangeBind
        case .queueBinding: .queueBind
        }
    }
}

extension Channel {
    /// Asks, and waits for the answer.
    ///
    /// - Parameter declaration: What is asked.
    /// - Throws: The broker's no, which ends the channel; as the call for each of them.
    package func declare(_ declaration: Declaration) throws(AMQPError) {
        switch declaration {
        case .exchange(let declare): _ = try self.request(declare, expecting: .exchangeDeclareOk)
        case .queue(let declare): _ = try self.request(declare, expecting: .queueDeclareOk)
        case .exchangeBinding(let bind):
            try self.server.require(.exchangeBindings, for: .exchangeBind)
            _ = try self.request(bind, expecting: .exchangeBindOk)
        case .queueBinding(let bind): _ = try self.request(bind, expecting: .queueBindOk)
        }
    }

    /// Asks, and waits for nothing: ``finishDeclaring(_:)`` has the answer.
    ///
    /// - Parameter declaration: What is asked.
    /// - Throws: What is refused before it is sent; why the channel has ended.
    package func startDeclaring(_ declaration: Declaration) throws(AMQPError) {
        switch declaration {
        case .exchange(let declare): try self.startRequest(declare, expecting: .exchangeDeclareOk)
        case .queue(let declare): try self.startRequest(declare, expecting: .queueDeclareOk)
        case .exchangeBinding(let bind):
            try self.server.require(.exchangeBindings, for: .exchangeBind)
            try self.startRequest(bind, expecting: .exchangeBindOk)
        case .queueBinding(let bind): try self.startRequest(bind, expecting: .queueBindOk)
        }
    }

    /// Whether the answer to the one declaration under way has come.
    ///
    /// - Parameter declaration: As it was started.
    /// - Returns: false if it is still to come.
    /// - Throws: The broker's no, which has ended the channel.
    package func finishDeclaring(_ declaration: Declaration) throws(AMQPError) -> Bool {
        self.pump(until: 0)
        if self.takeReply() != nil { return true }
        guard let reason = self.endReason else { return false }
        switch declaration {
        case .exchange(let declare): throw self.session.ended(reason, by: declare)
        case .queue(let declare): throw self.session.ended(reason, by: declare)
        case .exchangeBinding(let bind): throw self.session.ended(reason, by: bind)
        case .queueBinding(let bind): throw self.session.ended(reason, by: bind)
        }
    }
}
