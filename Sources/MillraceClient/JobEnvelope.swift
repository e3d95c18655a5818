package import AMQPClient
package import AMQPWire
import MillraceMessages
package import Tracing

/// How a job becomes a message: where it goes, and what stands on it.
///
/// A value; the time comes in.
package struct JobEnvelope {
    private let queue: String
    private let delay: Delay
    private let user: String?

    private static let ladder = DelayLadder.standard

    /// - Parameters:
    ///   - queue: The job's.
    ///   - delay: How long it waits.
    ///   - user: Who the client is for the broker, if that is known.
    package init(queue: String, delay: Delay, user: String?) {
        self.queue = queue
        self.delay = delay
        self.user = user
    }

    /// The message that is published.
    ///
    /// - Parameters:
    ///   - body: The octets.
    ///   - properties: The caller's; what is absent gets its usual value.
    ///   - now: Milliseconds since 1970.
    ///   - context: Where the caller stands in a trace; nil outside of one.
    ///   - instrument: Writes the context into headers.
    /// - Returns: A mandatory message: a queue that is not there is an error.
    /// - Throws: `.invalid` for a delay that can not be kept.
    package func message(
        _ body: [UInt8],
        _ properties: BasicProperties,
        now: Int64,
        _ context: ServiceContext?,
        _ instrument: any Instrument
    ) throws(PublishFailure) -> OutgoingMessage {
        var properties = properties
        properties.deliveryMode = properties.deliveryMode ?? 2
        properties.timestamp = properties.timestamp ?? UInt64(max(now, 0) / 1000)
        if let context {
            var headers = properties.headers ?? FieldTable()
            instrument.inject(context, into: &headers, using: FieldTableInjector())
            if !headers.entries.isEmpty { properties.headers = headers }
        }
        guard let wait = self.delay.milliseconds else {
            throw PublishFailure(
                .invalid("a delay of \(DurationText.write(self.delay.duration)): nothing waits for more than 7 days")
            )
        }
        guard wait > 0 else {
            return OutgoingMessage(body, routingKey: self.queue, properties: properties, mandatory: true)
        }
        guard let user = self.user, !user.isEmpty else {
            let text = "a delay needs the name that the broker knows the client by: set JobClientOptions.user"
            throw PublishFailure(.invalid(text))
        }
        guard properties.expiration == nil else {
            throw PublishFailure(.invalid("a delay and an expiration: what expires in a delay queue comes too early"))
        }
        let stage = Self.ladder.stage(for: wait)
        var headers = properties.headers ?? FieldTable()
        DelayNote(wait: wait, stage: Self.ladder.stages[stage], now: now).write(to: &headers)
        properties.headers = headers
        properties.userID = user
        let key = Self.ladder.queueName(stage, of: self.queue)
        return OutgoingMessage(body, routingKey: key, properties: properties, mandatory: true)
    }
}

/// Writes what a tracer says into a message's headers.
struct FieldTableInjector: Injector {
    func inject(_ value: String, forKey key: String, into headers: inout FieldTable) { headers[key] = .string(value) }
}
