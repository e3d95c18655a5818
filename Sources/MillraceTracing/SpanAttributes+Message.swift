import MillraceHandler
import Tracing

/// OpenTelemetry's semantic conventions for RabbitMQ, "Process span", as far as a handler knows the values.
extension SpanAttributes {
    /// What a delivery says about itself; what it does not say is left out.
    init(processing message: borrowing Message, jobName: String) {
        let (exchange, routingKey) = (message.exchange, message.routingKey)
        let destination = [exchange, routingKey].filter { !$0.isEmpty }.joined(separator: ":")
        self = [
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": .string(destination.isEmpty ? "amq.default" : destination),
            "messaging.message.body.size": .int(Int64(message.byteCount)),
            "millrace.job": .string(jobName),
            "millrace.attempt": .int(Int64(message.attempt)),
        ]
        if !routingKey.isEmpty { self["messaging.rabbitmq.destination.routing_key"] = routingKey }
        self["messaging.message.id"] = message.messageID
        self["messaging.message.conversation_id"] = message.correlationID
    }
}
