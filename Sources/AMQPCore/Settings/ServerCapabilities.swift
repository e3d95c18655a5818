package import AMQPWire

/// What the broker's own table says that it can not do (C5).
///
/// Only an explicit false counts: RabbitMQ leaves out nothing that it can do, and other brokers may send no table.
package struct ServerCapabilities: Sendable {
    /// By the names of the table.
    enum Feature: String {
        case confirms = "publisher_confirms"
        case exchangeBindings = "exchange_exchange_bindings"
        case nack = "basic.nack"
        case consumerPriorities = "consumer_priorities"
        case directReplyTo = "direct_reply_to"
    }
    private let table: FieldTable
    /// Kept apart, since it is asked for every message that is given back.
    let lacksNack: Bool
    package let version: BrokerVersion

    /// - Parameter serverProperties: Of connection.start.
    package init(_ serverProperties: FieldTable = FieldTable()) {
        if case .table(let table)? = serverProperties["capabilities"] {
            self.table = table
        } else {
            self.table = FieldTable()
        }
        self.version = BrokerVersion(serverProperties)
        self.lacksNack = self.table[Feature.nack.rawValue]?.boolValue == false
    }

    /// - Throws: `.refusedLocally` if the broker says that it has no such feature; sent, it would cost the connection.
    func require(_ feature: Feature, for method: MethodID, advice: String? = nil) throws(AMQPError) {
        guard self.table[feature.rawValue]?.boolValue == false else { return }
        let text = "the broker says that it has no \(feature.rawValue)"
        throw AMQPError(.refusedLocally, scope: .call, text: text, method: method, advice: advice)
    }
}
