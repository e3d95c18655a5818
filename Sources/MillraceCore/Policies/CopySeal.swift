package import AMQPWire

/// How our own copies are told from messages that only look like them.
///
/// A copy is published with the `user-id` of our login, which RabbitMQ checks against the connection that publishes
/// (Validated User-ID): nobody with another login can write it. Who has the same login has our permissions anyway.
package struct CopySeal: Sendable, Equatable {
    /// Who we are for the broker; nil if only the broker knows, and does not say (a login by certificate): then every header
    /// is believed.
    package let user: String?

    package init(user: String?) { self.user = user }

    /// Whether what the message says about attempts and its origin can be believed.
    package func isOurs(_ properties: BasicProperties) -> Bool { self.user == nil || properties.userID == self.user }
}
