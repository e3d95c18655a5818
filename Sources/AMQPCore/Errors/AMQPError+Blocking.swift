extension AMQPError {
    /// Whether the broker takes nothing in for now, and says so by ending the channel where RabbitMQ sends
    /// `connection.blocked`.
    ///
    /// LavinMQ: 406 "Server low on disk space".
    package var meansBlocked: Bool { self.code.rawValue == 406 && self.text.lowercased().contains("low on disk") }

    /// Whether a queue is there and can not be had for now: the node that has it is down, or its process.
    ///
    /// RabbitMQ has the code of a queue that is missing for it.
    package var meansNodeDown: Bool {
        guard self.code.rawValue == 404 else { return false }
        return Self.outOfReach.contains { self.text.contains($0) }
    }

    private static let outOfReach = [
        "down or inaccessible", "process is stopped by supervisor", "has crashed and failed to restart",
        "due to timeout",
    ]

    /// Whether the broker ended a channel because a delivery was not settled in time (`consumer_timeout`, C61).
    package var meansConsumerTimeout: Bool {
        self.code.rawValue == 406 && self.text.contains("timed out") && self.text.contains("acknowledgement")
    }
}
