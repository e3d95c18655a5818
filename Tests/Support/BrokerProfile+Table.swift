import AMQPWire

extension BrokerProfile {
    /// The releases that `ops/test` runs on.
    package static let tried: [BrokerVersion] = ["3.10", "4.0", "4.3"]

    /// The rows of Tests/CONFORMANCE.md: what differs, which numbers it concerns, and what each release does.
    package static let rows: [(behaviour: String, numbers: String, value: @Sendable (Self) -> String)] = [
        ("a prefetch for the whole channel (`global`) is", "C57", { $0.sharedPrefetch.rawValue }),
        ("a table in a message's headers comes back", "C29", { $0.tables.rawValue }),
        ("declaring an exchange of unknown type", "C41 C44", { "\($0.unknownExchangeType)" }),
        ("cancel-ok that nobody asked for", "C35 C56", { "\($0.straightCancelOk)" }),
        ("a body frame longer than the header says", "C24", { "\($0.overlongBody)" }),
        ("the largest body, unless set", "C50", { "\($0.largestBody >> 20) MiB" }),
        ("the least frame-max", "C8 C9", { "\($0.leastFrameMax)" }),
        ("a delivery held longer than `consumer_timeout`", "C38 C61", { $0.consumerTimeout.rawValue }),
        ("`x-consumer-timeout` for a classic queue or its consumer is", "C61", { $0.classicConsumerTimeout.rawValue }),
        ("a delivery limit of quorum queues, unless set", "", { $0.deliveryLimit.map { "\($0)" } ?? "none" }),
        ("a delivery limit of -1 is", "", { $0.negativeLimit.rawValue }),
        ("nack and recover with requeue, towards that limit", "C59", { $0.givenBack.rawValue }),
        ("a classic queue's dead letter for a stream is", "", { $0.deadLetterIntoStream.rawValue }),
        ("`x-queue-mode` with a value that means nothing is", "", { $0.oddQueueMode.rawValue }),
        ("a socket that is cut is, in the broker's log,", "C54", { $0.cutSocket.rawValue }),
        ("declarations are kept in", "", { $0.metadata.rawValue }),
        ("`max_message_size` of a running node is in its", "C50", { $0.sizeSetting.rawValue }),
    ]

    /// The table, line by line.
    package static var table: [String] {
        let profiles = self.tried.map { Self(version: $0) }
        func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
        return [line(["where they differ", "numbers"] + self.tried.map { "RabbitMQ \($0)" })]
            + [line(Array(repeating: "---", count: 2 + self.tried.count))]
            + self.rows.map { row in line([row.behaviour, row.numbers] + profiles.map(row.value)) }
    }
}

extension BrokerProfile.Reply: CustomStringConvertible {
    package var description: String {
        switch self {
        case .endsConnection(let code): "\(code), the connection ends"
        case .endsChannel(let code): "\(code), the channel ends"
        }
    }
}
