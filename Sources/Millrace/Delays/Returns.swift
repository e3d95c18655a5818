import AMQPClient

/// What a supervisor has in hand of copies that wait: when each goes home, or into another stage, and what to do when
/// nobody takes it.
///
/// A value: what happens comes in with the time, in nanoseconds of the monotonic clock. A copy is kept until its
/// successor is confirmed; one that its target does not take stays, and is tried again.
package struct Returns: Sendable {
    /// One delay queue.
    package struct Place: Hashable, Sendable {
        /// The job's queue, by its number.
        package let home: Int
        /// The stage's index.
        package let stage: Int

        package init(home: Int, stage: Int) {
            self.home = home
            self.stage = stage
        }
    }

    package enum Target: Equatable, Sendable {
        /// The job's queue.
        case home
        /// A delay queue of the same job, with this much of the wait left, in milliseconds.
        case stage(Int, wait: Int)
    }

    /// A copy that is to be published now.
    package struct Step: Equatable, Sendable {
        package let token: UInt64
        package let place: Place
        package let target: Target
    }

    private struct Copy {
        let token: UInt64
        let stageEnd: UInt64
        let due: UInt64
        let arrivedAt: UInt64
        let isWorn: Bool
        var isSent = false
        var sentAt: UInt64 = 0
        /// It ended the channel: not again before this.
        var notBefore: UInt64 = 0
    }

    /// A home that did not take a copy: one at a time is tried, after a pause that grows.
    private struct Trouble {
        var refusals = 0
        var notBefore: UInt64 = 0
        var probe: UInt64?
    }

    private let settings: DelaySettings
    /// Shorter than the settings' once the broker has taken back what was held for so long.
    package private(set) var longestHold: UInt64
    private var copies: [Place: [Copy]] = [:]
    private var places: [UInt64: Place] = [:]
    private var troubles: [Int: Trouble] = [:]
    /// Were on their way when the channel ended: each goes alone now, so that the guilty one is found.
    private var suspects: [UInt64] = []
    private var alone: UInt64?
    private var aloneSince: UInt64 = 0
    /// A copy that goes alone and is not answered for so long does not end the channel, and keeps nobody waiting.
    package static let patience: UInt64 = 2_000_000_000

    package init(_ settings: DelaySettings = DelaySettings()) {
        self.settings = settings
        self.longestHold = settings.longestHold.nanoseconds
    }

    package var count: Int { self.places.count }

    /// Whether the channel may be what is wrong, and not the home: what went there again was refused again.
    ///
    /// A channel of RabbitMQ 3.10 that a quorum queue has refused may be refused for as long as it lives.
    package func suspectsChannel(toHomeOf token: UInt64) -> Bool {
        self.home(of: token).flatMap { self.troubles[$0] }.map { $0.refusals > 1 } ?? false
    }

    /// The number of the queue that it goes home to.
    package func home(of token: UInt64) -> Int? { self.places[token]?.home }
    /// Copies that are on their way.
    package var sentCount: Int { self.copies.values.reduce(0) { $0 + $1.count(where: \.isSent) } }
    /// When the oldest of them was sent.
    package var oldestSent: UInt64? { self.copies.values.joined().lazy.filter(\.isSent).map(\.sentAt).min() }

    // MARK: Coming and going

    /// - Parameters:
    ///   - token: The owner's name for it.
    ///   - place: Where it came from.
    ///   - stageEnd: When it may leave this stage.
    ///   - due: When its wait is over.
    ///   - isWorn: Its queue has given it out so often that it is to go into another one now.
    ///   - now: The time.
    package mutating func arrived(
        _ token: UInt64,
        at place: Place,
        stageEnd: UInt64,
        due: UInt64,
        isWorn: Bool = false,
        now: UInt64
    ) {
        self.places[token] = place
        self.copies[place, default: []].append(
            Copy(token: token, stageEnd: stageEnd, due: due, arrivedAt: now, isWorn: isWorn)
        )
    }

    /// The consumer of a delay queue has ended: what it had in hand comes again.
    ///
    /// - Returns: Those copies.
    package mutating func lost(_ place: Place) -> [UInt64] {
        let tokens = self.copies.removeValue(forKey: place)?.map(\.token) ?? []
        for token in tokens { self.forget(token) }
        return tokens
    }

    /// The channel of all consumers has ended.
    package mutating func lostAll() {
        self.copies = [:]
        self.places = [:]
        self.suspects = []
        self.alone = nil
        for home in self.troubles.keys { self.troubles[home]?.probe = nil }
    }

    private mutating func forget(_ token: UInt64) {
        self.places[token] = nil
        self.suspects.removeAll { $0 == token }
        if self.alone == token { self.alone = nil }
        for (home, trouble) in self.troubles where trouble.probe == token { self.troubles[home]?.probe = nil }
    }

    /// The broker takes back what is held for so long: less from now on.
    package mutating func holdLess(now: UInt64) {
        guard let oldest = self.copies.values.lazy.flatMap({ $0 }).map(\.arrivedAt).min() else { return }
        let held = now &- min(oldest, now)
        guard held > 10_000_000_000 else { return }
        self.longestHold = min(self.longestHold, max(held / 4, 2_000_000_000))
    }

    // MARK: Sending

    /// What is to be published now, and when to ask again if nothing happens before.
    package mutating func advance(now: UInt64) -> (steps: [Step], wake: UInt64?) {
        if let alone = self.alone {
            let end = self.aloneSince &+ Self.patience
            guard now >= end else { return ([], end) }
            let home = self.home(of: alone)
            self.suspects = self.suspects.filter { self.home(of: $0) != home }
            _ = self.refused(alone, now: now)
        }
        if !self.suspects.isEmpty { return self.advanceSuspects(now) }
        var steps: [Step] = []
        var wake = UInt64.max
        for place in self.copies.keys {
            guard let held = self.copies[place] else { continue }
            let isFull = held.count >= self.settings.window
            for (index, copy) in held.enumerated() where !copy.isSent {
                let (target, time) = self.plan(copy, isFull: isFull, now: now)
                let due = max(time, copy.notBefore)
                guard due <= now, let target else {
                    wake = min(wake, due)
                    continue
                }
                if let wait = self.hold(place.home, copy.token, now) {
                    wake = min(wake, wait)
                    continue
                }
                self.copies[place]?[index].isSent = true
                self.copies[place]?[index].sentAt = now
                steps.append(Step(token: copy.token, place: place, target: target))
            }
        }
        return (steps, wake == .max ? nil : wake)
    }

    /// Where it goes next, and when; no target before that time.
    private func plan(_ copy: Copy, isFull: Bool, now: UInt64) -> (Target?, UInt64) {
        if copy.due <= now { return (.home, copy.due) }
        let mustMove = isFull || copy.due - max(copy.stageEnd, now) > self.longestHold
        let isHeldTooLong = copy.stageEnd > now && copy.stageEnd - now > self.longestHold
        if copy.isWorn || isHeldTooLong || (copy.stageEnd <= now && mustMove) {
            let wait = Int((copy.due - now + 999_999) / 1_000_000)
            let stage = self.settings.ladder.stage(for: wait, atMost: Int(self.longestHold / 1_000_000))
            return (.stage(stage, wait: wait), now)
        }
        // A queue that fills up meanwhile is looked at again: whoever arrives asks.
        return (nil, mustMove ? copy.stageEnd : copy.due)
    }

    /// Nil if a copy may go to this home now; else when to ask again.
    private mutating func hold(_ home: Int, _ token: UInt64, _ now: UInt64) -> UInt64? {
        guard var trouble = self.troubles[home] else { return nil }
        if trouble.probe != nil { return .max }
        guard now >= trouble.notBefore else { return trouble.notBefore }
        trouble.probe = token
        self.troubles[home] = trouble
        return nil
    }

    private mutating func advanceSuspects(_ now: UInt64) -> (steps: [Step], wake: UInt64?) {
        while let token = self.suspects.first {
            guard let place = self.places[token], let held = self.copies[place],
                let index = held.firstIndex(where: { $0.token == token })
            else {
                self.suspects.removeFirst()
                continue
            }
            self.alone = token
            self.aloneSince = now
            self.copies[place]?[index].isSent = true
            self.copies[place]?[index].sentAt = now
            let (target, _) = self.plan(held[index], isFull: true, now: now)
            return ([Step(token: token, place: place, target: target ?? .home)], now &+ Self.patience)
        }
        return self.advance(now: now)
    }

    /// There was no room: it is tried again.
    package mutating func unsent(_ token: UInt64) {
        self.change(token) { $0.isSent = false }
        if self.alone == token { self.alone = nil }
        if let home = self.places[token]?.home, self.troubles[home]?.probe == token { self.troubles[home]?.probe = nil }
    }

    private mutating func change(_ token: UInt64, _ body: (inout Copy) -> Void) {
        guard let place = self.places[token], let index = self.copies[place]?.firstIndex(where: { $0.token == token })
        else { return }
        guard var copy = self.copies[place]?[index] else { return }
        body(&copy)
        self.copies[place]?[index] = copy
    }

    // MARK: Answers

    /// Its successor is confirmed: it leaves.
    ///
    /// - Returns: Whether its home was in trouble before.
    @discardableResult
    package mutating func confirmed(_ token: UInt64) -> Bool {
        guard let place = self.places[token] else { return false }
        self.copies[place]?.removeAll { $0.token == token }
        self.forget(token)
        return self.troubles.removeValue(forKey: place.home) != nil
    }

    /// Nobody took it: its home, or the stage it was for, is full or not there.
    ///
    /// - Returns: How long its home is left alone now, in nanoseconds, if this is the first refusal in a row; else nil.
    package mutating func refused(_ token: UInt64, now: UInt64) -> UInt64? {
        guard let place = self.places[token] else { return nil }
        self.change(token) { $0.isSent = false }
        self.suspects.removeAll { $0 == token }
        if self.alone == token { self.alone = nil }
        var trouble = self.troubles[place.home] ?? Trouble()
        // Of several that were on their way together, the first says it for all.
        let counts = trouble.refusals == 0 || trouble.probe == token
        if trouble.probe == token { trouble.probe = nil }
        if counts {
            let pause = min(
                self.settings.firstPause.nanoseconds << UInt64(min(trouble.refusals, 16)),
                self.settings.longestPause.nanoseconds
            )
            trouble.refusals += 1
            trouble.notBefore = now &+ pause
        }
        self.troubles[place.home] = trouble
        return trouble.refusals == 1 && counts ? trouble.notBefore &- now : nil
    }

    /// Copies go out on another channel from now on: what is not answered goes again.
    package mutating func channelReplaced() {
        self.alone = nil
        for place in self.copies.keys {
            for index in self.copies[place]?.indices ?? 0..<0 { self.copies[place]?[index].isSent = false }
        }
        for home in self.troubles.keys { self.troubles[home]?.probe = nil }
    }

    /// It can not go, for now: not before the longest pause is over.
    package mutating func postponed(_ token: UInt64, now: UInt64) {
        let notBefore = now &+ self.settings.longestPause.nanoseconds
        self.change(token) { $0.notBefore = notBefore }
    }

    /// The channel ended that copies go out on.
    ///
    /// - Returns: The copy that ended it, if it was on its way alone; it waits for the longest pause now.
    package mutating func channelEnded(now: UInt64) -> UInt64? {
        let guilty = self.alone
        self.alone = nil
        var unanswered: [UInt64] = []
        for place in self.copies.keys.sorted(by: { ($0.home, $0.stage) < ($1.home, $1.stage) }) {
            for index in self.copies[place]?.indices ?? 0..<0 where self.copies[place]?[index].isSent == true {
                if let token = self.copies[place]?[index].token { unanswered.append(token) }
                self.copies[place]?[index].isSent = false
            }
        }
        for home in self.troubles.keys { self.troubles[home]?.probe = nil }
        if let guilty {
            self.suspects.removeAll { $0 == guilty }
            self.postponed(guilty, now: now)
            return guilty
        }
        self.suspects = unanswered
        return nil
    }
}
