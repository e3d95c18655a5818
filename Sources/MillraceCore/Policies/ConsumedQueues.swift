package import AMQPCore

/// Which of a job's queues a worker consumes on its one channel, and when it asks again for those that it can not have.
///
/// For jobs with several queues: what becomes of one costs the others nothing. A value; times are nanoseconds of the
/// monotonic clock, and random numbers come in.
package struct ConsumedQueues: Sendable {
    private struct Absence {
        var reason: String
        var lookAt: UInt64
        var backoff: Backoff
    }

    private let names: [String]
    private let backoff: Backoff
    /// The tag of each queue's consumer.
    private var consumers: [String: String] = [:]
    private var absences: [String: Absence] = [:]
    /// Queues whose consumer was refused, at the cost of the channel.
    private var costly: Set<String> = []
    /// Consumers that were started on this channel.
    private var started = 0
    /// The tags of consumers that the broker has ended on this channel.
    package private(set) var lostTags: Set<String> = []
    /// How many that were.
    package private(set) var lostCount = 0

    /// - Parameters:
    ///   - names: The job's queues, in the order of its file.
    ///   - backoff: Between two looks at one that is not there.
    package init(_ names: [String], backoff: Backoff = Backoff()) {
        self.names = names
        self.backoff = backoff
    }

    // MARK: Tags

    /// A tag that says which queue its deliveries are from, and that no consumer of this channel had before.
    ///
    /// - Parameters:
    ///   - queue: One of the job's.
    ///   - base: What a worker's only consumer on this channel would be called.
    /// - Returns: At most 24 octets more than that.
    package mutating func makeTag(for queue: String, _ base: String) -> String {
        self.started += 1
        let place = (self.names.firstIndex(of: queue) ?? 0) + 1
        return self.started > self.names.count ? "\(base)~\(self.started)/\(place)" : "\(base)/\(place)"
    }

    /// The queue that a tag of ``makeTag(for:_:)`` stands for; the first for any other.
    package static func queue(ofTag tag: some BidirectionalCollection<UInt8>, in names: [String]) -> String {
        var (place, unit) = (0, 1)
        for octet in tag.reversed() {
            guard octet != UInt8(ascii: "/") else { break }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet), unit <= 1_000_000 else { return names[0] }
            place += Int(octet - UInt8(ascii: "0")) * unit
            unit *= 10
        }
        return names.indices.contains(place - 1) ? names[place - 1] : names[0]
    }

    /// The tags of the consumers that there are, in the order of the file.
    package var tags: [String] { self.names.compactMap { self.consumers[$0] } }
    /// Whether there is any.
    package var hasConsumer: Bool { !self.consumers.isEmpty }

    // MARK: What happens

    /// Another channel, without a consumer so far.
    package mutating func channelOpened() {
        self.consumers = [:]
        self.lostTags = []
        self.lostCount = 0
        self.started = 0
    }

    /// The broker has confirmed a queue's consumer.
    package mutating func consumes(_ queue: String, _ tag: String) {
        self.consumers[queue] = tag
        self.absences[queue] = nil
        self.costly.remove(queue)
    }

    /// A queue can not be had for now.
    package mutating func isAbsent(_ queue: String, _ reason: String, now: UInt64, random: Double) {
        self.consumers[queue] = nil
        var absence = self.absences[queue] ?? Absence(reason: reason, lookAt: 0, backoff: self.backoff)
        absence.reason = reason
        absence.lookAt = now &+ absence.backoff.next(random: random)
        self.absences[queue] = absence
    }

    /// A queue's consumer was refused, and the channel ended with that: the next one is asked for elsewhere first.
    package mutating func wasRefused(_ queue: String) { self.costly.insert(queue) }

    /// The broker has ended a consumer by itself.
    ///
    /// - Returns: Its queue; nil if it is none of ours.
    package mutating func lost(_ tag: String, _ reason: String, now: UInt64, random: Double) -> String? {
        self.lostCount += 1
        self.lostTags.insert(tag)
        guard let queue = self.consumers.first(where: { $0.value == tag })?.key else { return nil }
        self.isAbsent(queue, reason, now: now, random: random)
        return queue
    }

    // MARK: What to do

    /// Whether a consumer of this queue is tried on a channel that costs nothing before it is started.
    package func mustTry(_ queue: String) -> Bool { self.costly.contains(queue) }

    /// Whether the queue was not there when it was looked for last.
    package func isMissing(_ queue: String) -> Bool { self.absences[queue] != nil }

    /// Queues to look for now.
    package func due(now: UInt64) -> [String] {
        self.names.filter { name in self.absences[name].map { $0.lookAt <= now } ?? false }
    }

    /// Nothing can be asked now: later.
    package mutating func putOff(until time: UInt64) {
        for (name, absence) in self.absences where absence.lookAt < time { self.absences[name]?.lookAt = time }
    }

    /// When to look for one, though nothing happens.
    package var wake: UInt64? { self.absences.values.map(\.lookAt).min() }

    /// Those that are not consumed, and why.
    package var absent: [String: String] { self.absences.mapValues(\.reason) }
}
