import AMQPCore
import AMQPWire

/// Publishes whose callers wait for an answer: not sent yet, on their way, or to be sent again on another channel.
///
/// A value; times are nanoseconds of the monotonic clock. A `Waiter` comes back once, with what became of its message.
package struct PendingPublishes<Waiter: Sendable>: Sendable {
    private struct Entry {
        let message: OutgoingMessage
        let bytes: Int
        let deadline: UInt64
        let waiter: Waiter
        var sendings = 0
        /// Which sending its last one was; 0 while it is not on its way.
        var sentAs: UInt64 = 0
        var isSent: Bool { self.sentAs > 0 }
    }

    /// How a wait ended.
    package struct Ending: Sendable {
        package let waiter: Waiter
        package let messageID: String
        /// How often it was sent.
        package let sendings: Int
        /// Nil if the broker has confirmed it.
        package let failure: PublishFailure.Reason?
        package let fate: PublishFailure.Fate
    }

    /// A message to be sent now.
    package struct Sending: Sendable, Equatable {
        package let token: UInt64
        package let message: OutgoingMessage
        /// How often it was sent before, on channels that ended without an answer.
        package let before: Int
    }

    private let limits: PublisherOptions
    private var entries: [UInt64: Entry] = [:]
    /// Not sent yet, in the order of the calls; what has ended meanwhile is passed over.
    private var waiting: ContiguousArray<UInt64> = []
    private var waitingHead = 0
    /// To be sent again, in the order in which they were sent; before what waits.
    private var again: [UInt64] = []
    /// Were on their way when the broker ended the channel: each goes alone, so that the guilty one is found.
    private var suspects: [UInt64] = []
    private var alone: UInt64?
    private var aloneUntil: UInt64 = 0
    /// By the identifiers of what is on its way, for messages that come back.
    private var tokens: [String: [UInt64]] = [:]
    private var sentBytes = 0
    private var lastSending: UInt64 = 0
    /// No entry's deadline is before this.
    private var earliest = UInt64.max
    /// On their way, with nobody who waits for the answer; with their identifiers.
    private var abandoned: [UInt64: String] = [:]

    /// A suspect that is not answered for so long does not end the channel.
    package static var patience: UInt64 { 2_000_000_000 }

    package init(_ limits: PublisherOptions) { self.limits = limits }

    /// Messages whose callers wait.
    package var count: Int { self.entries.count }
    /// Those of them that are on their way.
    package private(set) var sentCount = 0
    package var isEmpty: Bool { self.entries.isEmpty }

    /// Whether so many on this channel have nobody who waits for their answers that it should be left: the broker gives none.
    package var mustLeaveChannel: Bool { self.abandoned.count >= 16 * self.limits.maxInFlight }

    // MARK: Coming

    /// A caller waits from now on.
    ///
    /// - Parameters:
    ///   - token: The owner's name for it, which no other has had.
    ///   - message: With an identifier.
    ///   - deadline: When the caller waits no longer.
    ///   - waiter: Comes back in an ``Ending``.
    package mutating func add(_ token: UInt64, _ message: OutgoingMessage, deadline: UInt64, _ waiter: Waiter) {
        self.entries[token] = Entry(message: message, bytes: message.body.count, deadline: deadline, waiter: waiter)
        self.waiting.append(token)
        self.earliest = min(self.earliest, deadline)
    }

    // MARK: Sending

    /// What is to be sent now, on its way from here on; nil while there is nothing, or no room.
    package mutating func next(now: UInt64) -> Sending? {
        if let alone = self.alone {
            guard now >= self.aloneUntil else { return nil }
            self.acquit(alone)
        }
        while let suspect = self.suspects.first {
            guard self.entries[suspect] != nil else {
                self.suspects.removeFirst()
                continue
            }
            self.alone = suspect
            self.aloneUntil = now &+ Self.patience
            return self.send(suspect)
        }
        while let token = self.again.first {
            guard self.entries[token] != nil else {
                self.again.removeFirst()
                continue
            }
            guard self.hasRoom(for: token) else { return nil }
            self.again.removeFirst()
            return self.send(token)
        }
        while self.waitingHead < self.waiting.count {
            let token = self.waiting[self.waitingHead]
            if self.entries[token] != nil {
                guard self.hasRoom(for: token) else { return nil }
                self.waitingHead += 1
                return self.send(token)
            }
            self.waitingHead += 1
        }
        self.waiting.removeAll(keepingCapacity: self.waiting.count < 4096)
        self.waitingHead = 0
        return nil
    }

    private func hasRoom(for token: UInt64) -> Bool {
        if self.sentCount == 0 { return true }
        return self.sentCount < self.limits.maxInFlight
            && self.sentBytes + (self.entries[token]?.bytes ?? 0) <= self.limits.maxBytesInFlight
    }

    private mutating func send(_ token: UInt64) -> Sending? {
        guard var entry = self.entries[token] else { return nil }
        if self.waitingHead >= 1024, self.waitingHead * 2 > self.waiting.count {
            self.waiting.removeFirst(self.waitingHead)
            self.waitingHead = 0
        }
        let before = entry.sendings
        self.lastSending += 1
        entry.sentAs = self.lastSending
        entry.sendings += 1
        self.entries[token] = entry
        self.sentCount += 1
        self.sentBytes += entry.bytes
        if let id = entry.message.properties.messageID { self.tokens[id, default: []].append(token) }
        return Sending(token: token, message: entry.message, before: before)
    }

    /// It could not be sent after all, for there was no room: it goes before all others next time.
    package mutating func unsent(_ token: UInt64) {
        guard let entry = self.recall(token) else { return }
        self.entries[token]?.sendings = entry.sendings - 1
        if self.alone == token { self.alone = nil } else { self.again.insert(token, at: 0) }
    }

    /// It is on its way no longer.
    @discardableResult
    private mutating func recall(_ token: UInt64) -> Entry? {
        guard let entry = self.entries[token], entry.isSent else { return nil }
        self.entries[token]?.sentAs = 0
        self.sentCount -= 1
        self.sentBytes -= entry.bytes
        if let id = entry.message.properties.messageID { self.forget(id, token) }
        return entry
    }

    private mutating func forget(_ id: String, _ token: UInt64) {
        self.tokens[id]?.removeAll { $0 == token }
        if self.tokens[id]?.isEmpty == true { self.tokens[id] = nil }
    }

    private mutating func acquit(_ token: UInt64) {
        if self.alone == token { self.alone = nil }
        self.suspects.removeAll { $0 == token }
    }

    /// A message came back: of those on their way that have its identifier, the first that has not.
    package mutating func cameBack(_ messageID: String) -> UInt64? {
        guard let token = self.tokens[messageID]?.first else { return nil }
        self.forget(messageID, token)
        return token
    }

    // MARK: Answers

    /// The broker has answered, or the message can not be sent at all.
    ///
    /// - Parameters:
    ///   - token: Of the message.
    ///   - failure: Nil if it was confirmed.
    /// - Returns: The end of the wait, unless nobody waits any more.
    package mutating func answered(_ token: UInt64, _ failure: PublishFailure.Reason?) -> Ending? {
        if let id = self.abandoned.removeValue(forKey: token) {
            self.forget(id, token)
            self.acquit(token)
            return nil
        }
        guard let entry = self.entries[token] else { return nil }
        self.acquit(token)
        return self.end(token, entry, failure, fate: Self.fate(entry, failure))
    }

    private static func fate(_ entry: Entry, _ failure: PublishFailure.Reason?) -> PublishFailure.Fate {
        switch failure {
        case nil: .published
        // An exchange may have put it into some of its queues.
        case .refused where !entry.message.exchange.isEmpty: .unknown
        // What became of it on a channel that ended is not known.
        case .unroutable, .refused, .rejected: entry.sendings > 1 ? .unknown : .notPublished
        default: entry.sendings > 0 ? .unknown : .notPublished
        }
    }

    private mutating func end(
        _ token: UInt64,
        _ entry: Entry,
        _ failure: PublishFailure.Reason?,
        fate: PublishFailure.Fate
    ) -> Ending {
        self.recall(token)
        self.entries[token] = nil
        return Ending(
            waiter: entry.waiter,
            messageID: entry.message.properties.messageID ?? "",
            sendings: entry.sendings,
            failure: failure,
            fate: fate
        )
    }

    /// Its caller waits no longer.
    ///
    /// - Returns: The end of the wait, unless it has ended.
    package mutating func leave(_ token: UInt64, _ reason: PublishFailure.Reason) -> Ending? {
        guard let entry = self.entries[token] else { return nil }
        let ending = self.end(token, entry, reason, fate: Self.fate(entry, reason))
        if entry.isSent {
            self.abandoned[token] = ending.messageID
            // It may still come back.
            self.tokens[ending.messageID, default: []].append(token)
            self.tokens[ending.messageID]?.sort()
        } else {
            self.acquit(token)
        }
        return ending
    }

    /// Callers whose time is over.
    package mutating func expired(now: UInt64) -> [Ending] {
        guard now >= self.earliest else { return [] }
        let over = self.entries.filter { $0.value.deadline <= now }.keys.sorted()
        let endings = over.compactMap { self.leave($0, .timeout) }
        self.earliest = self.entries.values.lazy.map(\.deadline).min() ?? .max
        return endings
    }

    /// When to look again though nothing comes.
    package var wake: UInt64? {
        let wake = min(self.earliest, self.alone == nil ? .max : self.aloneUntil)
        return wake == .max ? nil : wake
    }

    // MARK: Ends

    /// The channel ended that they were on their way on: they go again, on the next one, or their callers hear of it.
    ///
    /// - Parameter reason: Why.
    /// - Returns: The callers that hear of it now.
    package mutating func channelEnded(_ reason: AMQPError) -> [Ending] {
        let guilty = self.alone
        self.alone = nil
        self.abandoned = [:]
        self.tokens = [:]
        let sent = self.entries.filter(\.value.isSent).sorted { $0.value.sentAs < $1.value.sentAs }.map(\.key)
        for token in sent { self.recall(token) }
        var endings: [Ending] = []
        if Self.isOfMessage(reason) {
            if let guilty {
                self.suspects.removeAll { $0 == guilty }
                if let ending = self.answered(guilty, .rejected(reason)) { endings.append(ending) }
            } else {
                self.suspects = sent.filter { self.mayBeGuilty($0, reason) }
            }
        }
        let rest = sent.filter { $0 != guilty && !self.suspects.contains($0) }
        if self.limits.republishes {
            self.again = rest + self.again
        } else {
            for token in sent {
                guard let entry = self.entries[token] else { continue }
                self.suspects.removeAll { $0 == token }
                endings.append(self.end(token, entry, .unanswered(reason), fate: .unknown))
            }
        }
        return endings
    }

    /// Whether a message may be what ended the channel: the broker closed it, and for nothing that is its own matter.
    private static func isOfMessage(_ reason: AMQPError) -> Bool {
        guard case .channel = reason.scope else { return false }
        switch reason.code.rawValue {
        case 406: return !reason.meansBlocked
        case 506, 541: return false
        default: return reason.code.rawValue >= 300
        }
    }

    private func mayBeGuilty(_ token: UInt64, _ reason: AMQPError) -> Bool {
        guard let entity = reason.entity, entity.kind == .exchange else { return true }
        return self.entries[token]?.message.exchange == entity.name
    }

    /// There will be no other channel.
    package mutating func endAll(_ reason: AMQPError) -> [Ending] {
        let all = self.entries.keys.sorted()
        return all.compactMap { self.leave($0, .ended(reason)) }
    }
}
