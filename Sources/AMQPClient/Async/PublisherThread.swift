import AMQPCore
import AMQPWire
import Logging

/// The loop of an ``AsyncPublisher``: a confirm channel of the current connection, and another one when that has ended.
///
/// Made on its thread and never leaves it. It waits in its mailbox alone, so that it hears of everything at once: of callers,
/// of deadlines while a broker gives no answer, of a new connection.
final class PublisherThread {
    private enum Stage {
        case none
        case opening(deadline: UInt64)
        case selecting(deadline: UInt64)
        case ready
    }
    private let shared: AsyncPublisher
    private var stage = Stage.none
    private var connection: Connection?
    private var channel: Channel?
    private var backoff: Backoff
    private var notBefore: UInt64 = 0
    private var inbox = Inbox()

    init(_ shared: AsyncPublisher) {
        self.shared = shared
        self.backoff = Backoff(shared.connection.settings)
    }

    func run() {
        let mailbox = self.shared.mailbox
        let listener = self.shared.connection.addListener { mailbox.signal(AsyncPublisher.Signal.work) }
        defer { self.shared.connection.removeListener(listener) }
        var reason = AsyncPublisher.stopped
        while !self.mustEnd {
            do throws(AMQPError) {
                try self.openIfDue()
            } catch {
                reason = error
                break
            }
            self.publish()
            self.wait()
            self.takeAnswers()
        }
        self.channel?.requestTimeout = .seconds(1)
        self.channel?.close()
        self.channel = nil
        self.shared.end(reason)
    }

    /// Whether nothing is to be waited for; ends the waits of those whose time is over.
    private var mustEnd: Bool {
        let now = MonotonicClock.now()
        let (endings, mustEnd) = self.shared.monitor.withLock { state in
            let endings = state.pending.expired(now: now)
            guard case .stopping(let deadline) = state.phase else { return (endings, false) }
            return (endings, state.pending.isEmpty || now >= deadline)
        }
        AsyncPublisher.tell(endings)
        return mustEnd
    }

    // MARK: The channel

    /// - Throws: Why there will be no other connection.
    private func openIfDue() throws(AMQPError) {
        guard self.channel == nil, MonotonicClock.now() >= self.notBefore else { return }
        self.notBefore = 0
        guard let connection = try self.shared.connection.connection(until: 0) else { return }
        self.connection = connection
        do throws(AMQPError) {
            let channel = try connection.startChannel(mailbox: self.shared.mailbox)
            let shared = self.shared
            channel.tokenOfMessage = { id in shared.monitor.withLock { $0.pending.cameBack(id) } }
            self.channel = channel
            self.stage = .opening(deadline: MonotonicClock.now() &+ channel.requestTimeout.nanoseconds)
        } catch {
            self.ended(error)
        }
    }

    /// Whether the channel is ready; goes on with what makes it so.
    private func isReady(_ channel: Channel) -> Bool {
        let now = MonotonicClock.now()
        do throws(AMQPError) {
            if case .opening(let deadline) = self.stage, try Self.isAnswered(channel.finishOpen(), deadline, now) {
                try channel.startConfirms()
                self.stage = .selecting(deadline: now &+ channel.requestTimeout.nanoseconds)
            }
            if case .selecting(let deadline) = self.stage,
                try Self.isAnswered(channel.finishConfirms(), deadline, now)
            {
                self.stage = .ready
                self.backoff.reset()
            }
        } catch {
            self.leave(error)
            return false
        }
        if case .ready = self.stage { return true }
        return false
    }

    private static func isAnswered(_ answer: Bool, _ deadline: UInt64, _ now: UInt64) throws(AMQPError) -> Bool {
        guard !answer, now >= deadline else { return answer }
        throw AMQPError(.timeout, scope: .call, text: "no answer about a channel to publish on")
    }

    /// The channel is left as it is: its broker gives no answers.
    private func leave(_ reason: AMQPError) {
        self.channel?.breaker.endChannel("no answers")
        self.ended(reason)
    }

    private func ended(_ reason: AMQPError) {
        // What was answered before counts.
        if let channel { self.takeVerdicts(channel) }
        self.channel = nil
        self.stage = .none
        AsyncPublisher.tell(self.shared.monitor.withLock { $0.pending.channelEnded(reason) })
        if reason.scope == .connection {
            if let connection = self.connection { self.shared.connection.forget(connection) }
        } else {
            self.notBefore = MonotonicClock.now() &+ self.backoff.next(random: ProcessRandom.share())
            self.shared.connection.logger.warning(
                "a channel to publish on ended; another one is opened",
                metadata: ["reason": "\(reason)"]
            )
        }
        self.connection = nil
    }

    // MARK: Publishing

    private func publish() {
        guard let channel = self.channel, self.isReady(channel) else { return }
        while channel.isOpen, self.publishNext(channel) {}
        channel.sendAcks()
    }

    /// - Returns: Whether to go on.
    private func publishNext(_ channel: Channel) -> Bool {
        let now = MonotonicClock.now()
        guard let sending = self.shared.monitor.withLock({ $0.pending.next(now: now) }) else { return false }
        do throws(AMQPError) {
            try Self.publish(sending, on: channel)
            return true
        } catch {
            if error.code == .refusedLocally {
                self.answer(sending.token, .rejected(error))
                return true
            }
            // No room, or the channel has ended: then it goes on the next one.
            self.shared.monitor.withLock { $0.pending.unsent(sending.token) }
            return false
        }
    }

    private static func publish(_ sending: PendingPublishes<AsyncPublisher.Waiter>.Sending, on channel: Channel)
        throws(AMQPError)
    {
        var properties = sending.message.properties
        // Of an earlier life of the message: its number would be taken for ours.
        if properties.headers?[ReturnedMessage.sequenceHeader] != nil {
            properties.headers?[ReturnedMessage.sequenceHeader] = nil
        }
        if sending.before > 0 {
            var headers = properties.headers ?? FieldTable()
            headers[AsyncPublisher.republishedHeader] = .int64(Int64(sending.before))
            properties.headers = headers
        }
        try sending.message.body.withBytes { (body) throws(AMQPError) in
            _ = try channel.publish(
                body,
                exchange: sending.message.exchange,
                routingKey: sending.message.routingKey,
                properties: properties,
                mandatory: sending.message.mandatory,
                token: sending.token,
                until: 0
            )
        }
    }

    // MARK: Answers

    private func wait() {
        let wake = self.wake
        if let channel {
            // What came while there was no room to publish is looked at first.
            let isDone = !channel.hasSignals && channel.verdicts.isEmpty && channel.isOpen
            channel.sendAcksAndPump(until: isDone ? wake : 0)
            _ = channel.takeSignals()
            return
        }
        guard self.shared.mailbox.take(into: &self.inbox, until: wake) else { return }
        self.inbox.batches.removeAll()
        self.inbox.events.removeAll()
        self.inbox.signals = 0
    }

    /// When to look again though nothing comes.
    private var wake: UInt64? {
        let (next, end) = self.shared.monitor.withLock { state in
            guard case .stopping(let deadline) = state.phase else { return (state.pending.wake, UInt64?.none) }
            return (state.pending.wake, deadline)
        }
        let opening: UInt64? =
            switch self.stage {
            case .opening(let deadline), .selecting(let deadline): deadline
            case .none: self.notBefore > 0 ? self.notBefore : nil
            case .ready: nil
            }
        return [next, end, opening].compactMap(\.self).min()
    }

    private func takeAnswers() {
        guard let channel else { return }
        self.takeVerdicts(channel)
        if let reason = channel.endReason {
            self.ended(reason)
        } else if self.shared.monitor.withLock({ $0.pending.mustLeaveChannel }) {
            let text = "the broker confirms nothing on channel \(channel.number), which is left for another one"
            self.leave(AMQPError(.timeout, scope: .call, text: text))
        }
    }

    private func takeVerdicts(_ channel: Channel) {
        _ = channel.takeReturnedMessages()
        for answer in channel.takeVerdicts() {
            switch answer.verdict {
            case .confirmed: self.answer(answer.token, nil)
            case .refused: self.answer(answer.token, .refused)
            case .returned: self.answer(answer.token, .unroutable)
            case .unknown: break  // told by the channel's end
            }
        }
    }

    private func answer(_ token: UInt64, _ failure: PublishFailure.Reason?) {
        let ending = self.shared.monitor.withLock { $0.pending.answered(token, failure) }
        if let ending { AsyncPublisher.tell([ending]) }
    }
}
