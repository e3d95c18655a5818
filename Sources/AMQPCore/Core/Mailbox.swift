/// A call that a plugin's task executor wants to have run on the worker's thread.
package struct ScheduledCall: @unchecked Sendable {  // the plugin promises that `argument` may change threads
    package let function: @convention(c) (UnsafeMutableRawPointer?) -> Void
    package let argument: UnsafeMutableRawPointer?

    package init(
        _ function: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void,
        _ argument: UnsafeMutableRawPointer?
    ) {
        self.function = function
        self.argument = argument
    }
}

/// What a worker takes out of its mailbox at once.
///
/// It keeps the capacity of its arrays.
package struct Inbox {
    package var batches: ContiguousArray<DeliveryBatch> = []
    package var events: ContiguousArray<ChannelEvent> = []
    package var calls: ContiguousArray<ScheduledCall> = []
    /// Bits that the layer above gives a meaning.
    package var signals: UInt32 = 0

    package init() {}
}

/// The one place where a thread waits: for deliveries, replies, confirms, control signals, and calls of async handlers.
package final class Mailbox: Sendable {
    private struct State {
        var inbox = Inbox()
        var incarnation: UInt64 = 0
        var deliveries = Backlog()
        var eventBytes = 0
        /// What the owner has taken out and not looked at yet.
        var unread = Backlog()
        /// Whether the owner waits for an answer: it may stand behind deliveries.
        var isAwaiting = false
        var bound = DeliveryBound.prefetch(0)
        var sleep = Sleep.none
        var spin = AdaptiveSpin()
        var spinInSeat = AdaptiveSpin()

        /// Octets that nobody else bounds.
        var unboundedBytes: Int {
            self.eventBytes
                + (self.bound == .tcp && !self.isAwaiting ? self.deliveries.bytes + self.unread.bytes : 0)
        }

        var standing: MailboxStanding {
            let waiting = self.deliveries + self.unread
            var standing = MailboxStanding(unboundedBytes: self.unboundedBytes)
            guard waiting.bytes > WaitingLimit.channel else { return standing }
            switch self.bound {
            case .prefetch(let limit):
                if waiting.count > 2 * limit + WaitingLimit.margin {
                    standing.offence = .prefetchIgnored(waiting: waiting.count, limit: limit)
                }
            case .tcp:
                if self.isAwaiting, waiting.bytes > WaitingLimit.channelWhileAwaiting {
                    standing.offence = .answerBehindDeliveries(bytes: waiting.bytes)
                }
            }
            return standing
        }

        var isEmpty: Bool {
            self.inbox.batches.isEmpty && self.inbox.events.isEmpty && self.inbox.calls.isEmpty
                && self.inbox.signals == 0
        }

        mutating func wake() -> Sleep {
            defer { self.sleep = .none }
            return self.sleep
        }

        mutating func swapOut(_ inbox: inout Inbox) -> Bool {
            guard !self.isEmpty else { return false }
            self.sleep = .none
            self.unread += self.deliveries
            self.deliveries = Backlog()
            self.eventBytes = 0
            swap(&self.inbox, &inbox)
            return true
        }

        mutating func dropDeliveries() {
            self.inbox.batches.removeAll()
            self.deliveries = Backlog()
            self.unread = Backlog()
        }
    }
    /// Where the owner sleeps, and so how it is woken.
    private enum Sleep {
        case none
        /// It is about to, and sees by itself what comes meanwhile.
        case soon
        case here
        case inSeat(any ReadingSeat)
    }
    private let monitor = Monitor(State())
    private let listener: (mailbox: Mailbox, bits: UInt32)?

    package init() { self.listener = nil }

    /// A mailbox for a second channel of the same thread: what comes in also wakes the thread where it waits.
    ///
    /// - Parameters:
    ///   - mailbox: Where the thread waits.
    ///   - bits: The signal that it gets there.
    package init(waking mailbox: Mailbox, with bits: UInt32) { self.listener = (mailbox, bits) }

    private func wake(_ sleep: Sleep) {
        switch sleep {
        case .none, .soon: break
        case .here: self.monitor.signal()
        case .inSeat(let seat): seat.ring()
        }
    }

    private func wakeAll(_ sleep: Sleep) {
        self.wake(sleep)
        if let listener { listener.mailbox.signal(listener.bits) }
    }

    /// From now on it takes in what is meant for this incarnation of its channel, and drops what is left of others.
    package func attach(_ incarnation: UInt64) {
        self.monitor.withLock { state in
            state.incarnation = incarnation
            state.bound = .prefetch(0)
            state.isAwaiting = false
            state.dropDeliveries()
            state.inbox.events.removeAll()
            state.eventBytes = 0
        }
    }

    /// From now on what waits of this channel holds up the reader: no prefetch bounds what the broker sends.
    package func boundDeliveries() { self.monitor.withLock { $0.bound = .tcp } }

    /// A consumer starts: the broker may have this many more deliveries out.
    package func allowDeliveries(_ count: Int) {
        self.monitor.withLock { state in
            if case .prefetch(let limit) = state.bound { state.bound = .prefetch(limit + count) }
        }
    }

    /// Drops what is left of the channel and takes in nothing more from it.
    package func detach() { self.attach(0) }

    /// The channel is over, whatever its owner does: drops what it brought, tells the reason, takes in nothing more.
    package func cutOff(_ incarnation: UInt64, _ error: AMQPError) {
        let wake = self.monitor.withLock { state in
            guard state.incarnation == incarnation else { return Sleep.none }
            state.incarnation = 0
            state.dropDeliveries()
            state.inbox.events.append(.closed(error))
            return state.wake()
        }
        self.wakeAll(wake)
    }

    /// Moves everything that one read brought for the channel, under one lock and with at most one wake-up.
    ///
    /// - Parameters:
    ///   - incarnation: The channel's; what is meant for another one is dropped.
    ///   - batches: Deliveries; empty afterwards.
    ///   - events: The rest; empty afterwards.
    ///   - deliveries: How much the deliveries are.
    ///   - eventBytes: Octets of the rest.
    /// - Returns: What waits for the owner now.
    package func put(
        _ incarnation: UInt64,
        batches: inout ContiguousArray<DeliveryBatch>,
        events: inout ContiguousArray<ChannelEvent>,
        deliveries: Backlog,
        eventBytes: Int
    ) -> MailboxStanding {
        let (wake, standing) = self.monitor.withLock { state in
            guard state.incarnation == incarnation else { return (Sleep.none, MailboxStanding()) }
            state.deliveries += deliveries
            state.eventBytes += eventBytes
            if state.inbox.batches.isEmpty {
                swap(&state.inbox.batches, &batches)
            } else {
                state.inbox.batches.append(contentsOf: batches)
            }
            if !events.isEmpty { state.inbox.events.append(contentsOf: events) }
            return (state.wake(), state.standing)
        }
        batches.removeAll(keepingCapacity: true)
        events.removeAll(keepingCapacity: true)
        self.wakeAll(wake)
        return standing
    }

    package func put(_ incarnation: UInt64, event: ChannelEvent) {
        let wake = self.monitor.withLock { state in
            guard state.incarnation == incarnation else { return Sleep.none }
            state.inbox.events.append(event)
            return state.wake()
        }
        self.wakeAll(wake)
    }

    /// Sets control bits and wakes the owner.
    package func signal(_ bits: UInt32) {
        let wake = self.monitor.withLock { state in
            state.inbox.signals |= bits
            return state.wake()
        }
        self.wake(wake)
    }

    /// Queues a call for the owner's thread.
    package func schedule(_ call: ScheduledCall) {
        let wake = self.monitor.withLock { state in
            state.inbox.calls.append(call)
            return state.wake()
        }
        self.wake(wake)
    }

    /// Puts back what its owner took out and did not deal with, before what has come since.
    ///
    /// For the owner's thread alone: it wakes nobody.
    package func giveBack(_ calls: ContiguousArray<ScheduledCall>, _ signals: UInt32) {
        self.monitor.withLock { state in
            state.inbox.calls.insert(contentsOf: calls, at: 0)
            state.inbox.signals |= signals
        }
    }

    /// Forgets control bits that are not to be seen by the owner's next channel.
    package func clear(_ bits: UInt32) { self.monitor.withLock { $0.inbox.signals &= ~bits } }

    /// Whether nothing waits in it, and its owner sleeps or is about to: it has dealt with all that it took out.
    package var isIdle: Bool {
        self.monitor.withLock { state in
            if case .none = state.sleep { return false }
            return state.isEmpty
        }
    }

    /// Octets that wait for the owner, here or taken out and not looked at, and that nothing else bounds.
    package var unboundedBytes: Int { self.monitor.withLock { $0.unboundedBytes } }
    /// Octets of the deliveries that wait.
    package var queuedBytes: Int { self.monitor.withLock { $0.deliveries.bytes } }
    /// A copy of the events that wait.
    var unreadEvents: ContiguousArray<ChannelEvent> { self.monitor.withLock { $0.inbox.events } }
    /// Events that wait: replies, confirms, returned messages.
    package var queuedEvents: Int { self.monitor.withLock { $0.inbox.events.count } }

    /// Swaps everything out, waiting for something if there is nothing.
    ///
    /// For the owner's thread alone.
    ///
    /// - Parameters:
    ///   - inbox: Empty; it gets what was waiting, and the mailbox its capacity.
    ///   - deadline: In nanoseconds of the monotonic clock; nil waits without end, 0 does not wait.
    ///   - unread: What the owner took out before and has not looked at.
    ///   - isAwaiting: Whether it waits for an answer, which may stand behind deliveries: none holds up the reader.
    ///   - seat: Where to wait, if it is free.
    ///   - send: Sends what the owner has to say before it waits: once it sits, so that no other thread is woken by the
    ///     answer.
    /// - Returns: Whether something was there before the deadline.
    package func take(
        into inbox: inout Inbox,
        until deadline: UInt64?,
        unread: Backlog = Backlog(),
        isAwaiting: Bool = false,
        from seat: (any ReadingSeat)? = nil,
        sending send: () -> Void = {}
    ) -> Bool {
        let isThere = self.monitor.withLock { state in
            state.unread = unread
            state.isAwaiting = isAwaiting
            return !state.isEmpty
        }
        defer { if isAwaiting { self.monitor.withLock { $0.isAwaiting = false } } }
        if isThere || deadline == 0 {
            send()
            return self.monitor.withLock { $0.swapOut(&inbox) }
        }
        if let seat, seat.take() {
            defer { seat.leave() }
            send()
            if let isThere = self.take(into: &inbox, until: deadline, sittingIn: seat) { return isThere }
        } else {
            send()
        }
        if self.spin(into: &inbox, until: deadline ?? .max) { return true }
        let result: Bool? = self.monitor.wait(until: deadline) { state in
            if state.swapOut(&inbox) { return true }
            state.sleep = .here
            return nil
        }
        if result == nil { self.monitor.withLock { $0.sleep = .none } }
        return result ?? false
    }

    /// Looks for a moment, if that has been worth it, before the owner sleeps.
    private func spin(into inbox: inout Inbox, until deadline: UInt64) -> Bool {
        let isDue = self.monitor.withLock { state in
            state.sleep = .soon
            return state.spin.isDue()
        }
        guard isDue else { return false }
        let mail: Void? = AdaptiveSpin.spin(until: deadline) { self.monitor.withLock { $0.swapOut(&inbox) } ? () : nil }
        self.monitor.withLock { $0.spin.ended(inTime: mail != nil) }
        return mail != nil
    }

    /// The same for a thread that sits in the seat; nil if it can not stay there.
    private func take(
        into inbox: inout Inbox,
        until deadline: UInt64?,
        sittingIn seat: any ReadingSeat
    ) -> Bool? {
        while true {
            if self.monitor.withLock({ $0.swapOut(&inbox) }) { return true }
            switch self.spin(in: seat, until: deadline ?? .max) {
            case .mustLeave: return nil
            case .something: continue
            case .nothing: break
            }
            let isThere = self.monitor.withLock { state in
                if state.swapOut(&inbox) { return true }
                state.sleep = .inSeat(seat)
                return false
            }
            if isThere { return true }
            let wait = seat.wait(until: deadline)
            // Awake before it reads: what it brings itself rings nobody.
            self.monitor.withLock { $0.sleep = .none }
            switch wait {
            case .rung: break
            case .readable: if seat.read() == .mustLeave { return nil }
            case .deadline: return self.monitor.withLock { $0.swapOut(&inbox) }
            }
        }
    }

    /// Reads again and again for a moment, if that has been worth it, before the owner sleeps in the seat.
    private func spin(in seat: any ReadingSeat, until deadline: UInt64) -> SeatRead {
        let isDue = self.monitor.withLock { state in
            state.sleep = .soon
            return state.spinInSeat.isDue()
        }
        guard isDue else { return .nothing }
        let read: SeatRead? = AdaptiveSpin.spin(until: deadline) {
            let read = seat.read()
            if read != .nothing { return read }
            return self.monitor.withLock { $0.isEmpty } ? nil : .something
        }
        self.monitor.withLock { state in
            state.sleep = .none
            state.spinInSeat.ended(inTime: read != nil)
        }
        return read ?? .nothing
    }
}
