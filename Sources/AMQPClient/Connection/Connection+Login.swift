import AMQPCore
import AMQPWire

/// Who we are for the broker.
extension Connection {
    /// The user that the broker has logged in: what a `user-id` has to say.
    ///
    /// Nil for a login by certificate, as long as ``learnLogin(within:)`` has not found it out.
    package var loginName: String? {
        if self.mayLogInByCertificate || self.endpoint.user.isEmpty { return self.learnedLogin.withLock { $0 } }
        return self.endpoint.user
    }

    /// Whether the certificate may have said who we are, and not the endpoint.
    package var mayLogInByCertificate: Bool { self.endpoint.mechanisms.contains(.external) }

    /// Asks the broker for the user, if the endpoint does not say it.
    ///
    /// No method asks for that. A message whose `user-id` is another's is refused, and RabbitMQ's words say whose it should
    /// have been. It goes to no queue; the channel ends with it.
    ///
    /// - Parameter timeout: For each answer.
    package func learnLogin(within timeout: Duration = .seconds(5)) {
        guard self.loginName == nil, !self.isBlocked else { return }
        do throws(AMQPError) {
            let channel = try self.openChannel(outwaitsBlocks: false)
            defer { channel.close() }
            channel.requestTimeout = timeout
            let nobody = BasicProperties(userID: "millrace asks who it is")
            _ = try channel.publish([], routingKey: "", properties: nobody)
            try channel.prefetch(1)  // not answered before that is looked at
        } catch {
            guard let name = LoginName.inRefusal(error.text) else { return }
            self.learnedLogin.withLock { $0 = name }
        }
    }
}
