extension AMQPError {
    /// Whether the broker takes nothing in for now, and says so by ending the channel where RabbitMQ sends
    /// `connection.blocked`.
    ///
    /// LavinMQ: 406 "Server low on disk space".
    package var meansBlocked: Bool { self.code.rawValue == 406 && self.text.lowercased().contains("low on disk") }

    /// Whether the broker ended a channel because a delivery was not settled in time (`consumer_timeout`, C61).
    package var meansConsumerTimeout: Bool {
        self.code.rawValue == 406 && self.text.contains("timed out") && self.text.contains("acknowledgement")
    }
}
