import TestSupport

extension BrokerProfile.Metadata {
    /// For `rabbitmqctl eval`: has what is declared on disk.
    ///
    /// With Mnesia declare-ok does not say that it is: killed before, RabbitMQ comes back without the queue, and removes
    /// its confirmed messages.
    var sync: String {
        switch self {
        case .mnesia: "ok = mnesia:sync_log()."
        case .khepri: "ok = rabbit_khepri:fence(infinity)."
        }
    }
}

extension BrokerProfile.CutSocket {
    /// What the log has in the errors of channels whose socket was cut, beside a warning of the connection.
    var words: [String] {
        switch self {
        case .silent: []
        case .logged: ["{writer,send_failed,", "error while terminating:"]
        }
    }
}

extension BrokerProfile.SizeSetting {
    /// For `rabbitmqctl eval`: sets `max_message_size`.
    func set(_ octets: Int) -> String {
        switch self {
        case .environment: "application:set_env(rabbit, max_message_size, \(octets))."
        case .term: "persistent_term:put(max_message_size, \(octets))."
        }
    }
}
