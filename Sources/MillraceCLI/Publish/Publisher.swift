import AMQPClient
import AMQPWire
import NIOPosix

/// One connection that publishes messages of one kind and counts what became of them.
final class Publisher {
    private let connection: Connection
    private let channel: Channel
    private let message: OutgoingMessage
    private let alarm: AlarmWatch
    private let stop: StopNote
    private let patience: Duration
    /// Given to the channel.
    private(set) var sent = 0
    private var failed = 0
    private var inDoubt = 0

    /// How long a step may take before it is asked whether to stop.
    private static let step = Duration.milliseconds(100)
    /// Confirms that are on their way when it is stopped may still come.
    private static let lastWait = Duration.seconds(2)

    init(
        to endpoint: Endpoint,
        exchange: String,
        routingKey: String,
        properties: BasicProperties,
        patience: Duration,
        stop: StopNote
    ) throws(AMQPError) {
        var options = ConnectionOptions()
        options.name = "millrace publish"
        self.alarm = AlarmWatch()
        self.connection = try Connection.connect(
            to: endpoint,
            options: options,
            on: MultiThreadedEventLoopGroup(numberOfThreads: 1),
            logger: LoggingOptions.errors,
            delegate: self.alarm
        )
        self.channel = try self.connection.openChannel()
        try self.channel.selectConfirms()
        self.message = OutgoingMessage(
            [],
            exchange: exchange,
            routingKey: routingKey,
            properties: properties,
            mandatory: true
        )
        self.patience = patience
        self.stop = stop
    }

    func close(within timeout: Duration = .seconds(5)) { self.connection.close(timeout: timeout) }

    /// Publishes one message; waits for room, and for confirms when many are out.
    ///
    /// - Throws: A ``PublishEnd``.
    func publish(_ body: [UInt8]) throws(PublishEnd) {
        var message = self.message
        message.body = body
        let deadline = MonotonicClock.deadline(in: self.patience) ?? 0
        while true {
            try self.throwIfStopped()
            do throws(AMQPError) {
                try self.channel.publish(message, timeout: Self.step)
                break
            } catch {
                guard error.code == .timeout, self.channel.isOpen else { throw self.end(.failed(error)) }
                if MonotonicClock.now() >= deadline { throw self.end(.unanswered(self.patience)) }
            }
        }
        self.sent += 1
        if self.channel.unconfirmedCount >= 1000 { try self.settle(atMost: 500) }
    }

    /// Waits until no more than so many publishes are without an answer.
    ///
    /// - Throws: A ``PublishEnd``: also if one was refused, or came back.
    func settle(atMost limit: Int = 0) throws(PublishEnd) {
        var pending = self.channel.unconfirmedCount
        var deadline = MonotonicClock.deadline(in: self.patience) ?? 0
        while true {
            try self.takeFailures()
            guard self.channel.unconfirmedCount > limit else { return }
            if self.channel.unconfirmedCount < pending {
                pending = self.channel.unconfirmedCount
                deadline = MonotonicClock.deadline(in: self.patience) ?? 0
            }
            if MonotonicClock.now() >= deadline { throw self.end(.unanswered(self.patience)) }
            try self.throwIfStopped()
            self.wait(Self.step)
        }
    }

    /// Takes in what comes; what it means is asked afterwards.
    private func wait(_ timeout: Duration) {
        do throws(AMQPError) {
            self.note(try self.channel.awaitConfirms(timeout: timeout))
        } catch {
            // A timeout, or the end of the channel, which the next look finds.
        }
    }

    private var firstFailure: AMQPError?

    private func note(_ failures: [FailedPublish]) {
        for failure in failures where failure.reason != .unknown { self.failed += 1 }
        self.inDoubt += failures.count { $0.reason == .unknown }
        guard self.firstFailure == nil, failures.contains(where: { $0.reason != .unknown }) else { return }
        if let message = self.channel.takeReturnedMessages().first {
            let text = "no queue takes routing key '\(message.routingKey)' of exchange '\(message.exchange)'"
            self.firstFailure = AMQPError(message.code, scope: .call, text: text)
        } else {
            let text = "the broker refused messages (basic.nack): a queue may be full"
            self.firstFailure = AMQPError(.refusedLocally, scope: .call, text: text)
        }
    }

    private func takeFailures() throws(PublishEnd) {
        self.note(self.channel.takeFailedPublishes())
        if let failure = self.firstFailure { throw self.end(.failed(failure)) }
        if !self.channel.isOpen, let reason = self.channel.endReason { throw self.end(.failed(reason)) }
    }

    /// - Throws: `.stopped` after a signal, when what is on its way has had a moment.
    func throwIfStopped() throws(PublishEnd) {
        guard let signal = self.stop.signal else { return }
        if self.channel.unconfirmedCount > 0, self.channel.isOpen { self.wait(Self.lastWait) }
        throw self.end(.stopped(signal))
    }

    /// Every end counts what is left.
    private func end(_ reason: PublishEnd) -> PublishEnd {
        self.note(self.channel.takeFailedPublishes())
        return reason
    }

    /// How many went out, for people.
    var summary: String {
        let open = self.inDoubt + self.channel.unconfirmedCount
        let done = self.sent - self.failed - open
        var text =
            "\(done) of \(self.sent) \(self.sent == 1 && done == 1 ? "message" : "messages") \(done == 1 ? "was" : "were") confirmed"
        if self.failed > 0 { text += "; \(Plural.of(self.failed, "was", "were")) refused or came back" }
        if open > 0 { text += "; \(Plural.of(open, "has", "have")) no answer and may have arrived" }
        if let reason = self.alarm.reason { text += "; the broker holds publishers back: \(reason)" }
        return text
    }
}
