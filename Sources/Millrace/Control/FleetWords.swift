package import AMQPWire

/// What supervisors of one fleet and who asks them say to each other, over the broker.
///
/// A question goes to a key of an exchange that every broker has, so that each supervisor gets one. The answer goes to whom the
/// broker itself knows as the asker (direct reply-to), and nowhere else: nobody can have a supervisor write into a queue.
///
/// Why: record 22, the fleet answers by itself.
package enum FleetWords {
    package static let exchange = "amq.direct"
    /// The pseudo queue that an asker consumes.
    package static let replies = "amq.rabbitmq.reply-to"
    /// What a supervisor answers to begins so.
    static let replyPrefix = "amq.rabbitmq.reply-to."
    static let question = "millrace.fleet.question"
    static let answer = "millrace.fleet.answer"
    /// Longer answers are not believed.
    static let answerLimit = 262_144

    package static func routingKey(_ fleet: String) -> String { "millrace.fleet.\(fleet)" }

    /// The properties of a question, which has no body.
    package static func ask(_ number: String) -> BasicProperties {
        var properties = BasicProperties()
        properties.type = Self.question
        properties.replyTo = Self.replies
        properties.correlationID = number
        properties.deliveryMode = 1
        return properties
    }

    /// Whom to answer a message, and how; nil if it is no question.
    package static func reply(to question: BasicProperties) -> (routingKey: String, properties: BasicProperties)? {
        guard question.type == Self.question, let asker = question.replyTo, asker.hasPrefix(Self.replyPrefix),
            let number = question.correlationID, number.utf8.count <= 64
        else { return nil }
        var properties = BasicProperties()
        properties.type = Self.answer
        properties.correlationID = number
        properties.contentType = "application/json"
        properties.deliveryMode = 1
        return (asker, properties)
    }

    /// The answer that a message is; nil if it is none to this question.
    package static func answer(_ properties: BasicProperties, _ body: [UInt8], to number: String) -> FleetAnswer? {
        guard properties.type == Self.answer, properties.correlationID == number, body.count <= Self.answerLimit,
            let value = OptionValue(json: String(decoding: body, as: UTF8.self))
        else { return nil }
        return FleetAnswer(value)
    }
}
