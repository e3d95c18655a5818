import TestSupport
import Testing

extension Tag {
    /// Pins what RabbitMQ says, or does, where AMQP leaves it to the broker.
    @Tag static var rabbitMQWords: Self
}

extension Trait where Self == ConditionTrait {
    /// Beside the tag: on another broker everything else still runs.
    static var onRabbitMQ: Self {
        .enabled(if: (try? Broker.profile().isRabbitMQ) == true, "pins RabbitMQ's words, and this is another broker")
    }
}
