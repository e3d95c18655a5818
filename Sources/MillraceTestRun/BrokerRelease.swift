import AMQPBroker

/// Which RabbitMQ a broker behaves as.
public enum BrokerRelease: Sendable, CaseIterable {
    /// 3.10, as Debian 12 has it.
    case rabbitMQ310
    /// 4.0, as Debian 13 has it.
    case rabbitMQ40
    /// 4.3.
    case rabbitMQ43

    var profile: Profile {
        switch self {
        case .rabbitMQ310: .rabbitMQ310
        case .rabbitMQ40: .rabbitMQ40
        case .rabbitMQ43: .rabbitMQ43
        }
    }
}
