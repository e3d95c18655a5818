/// Which delay queues have a consumer, and when the others are tried again.
///
/// A value; times are nanoseconds of the monotonic clock.
package struct Attendance: Sendable {
    private struct Absence {
        var failures = 0
        var notBefore: UInt64 = 0
        var isSaid = false
    }
    private var absent: [Returns.Place: Absence] = [:]
    private var consumers: [String: Returns.Place] = [:]
    /// In the order in which they are tried.
    private var waiting: [Returns.Place]
    /// The broker has been asked for them.
    private var asked: [Returns.Place] = []

    private static let longestPause: UInt64 = 30_000_000_000

    package init(homes: Int, stages: Int) {
        self.waiting = (0..<homes).flatMap { home in
            (0..<stages).map { Returns.Place(home: home, stage: $0) }
        }
    }

    package var count: Int { self.consumers.count }

    package func place(of consumerTag: String) -> Returns.Place? { self.consumers[consumerTag] }

    package func hasNext(now: UInt64) -> Bool { self.waiting.contains { (self.absent[$0]?.notBefore ?? 0) <= now } }

    /// When the next one is to be tried; nil if none is left to be tried.
    package var wake: UInt64? { self.waiting.map { self.absent[$0]?.notBefore ?? 0 }.min() }

    /// One that is to be tried now: the caller asks for it, and says how that ended.
    package mutating func next(now: UInt64) -> Returns.Place? {
        guard let index = self.waiting.firstIndex(where: { (self.absent[$0]?.notBefore ?? 0) <= now }) else {
            return nil
        }
        let place = self.waiting.remove(at: index)
        self.asked.append(place)
        return place
    }

    package mutating func attended(_ place: Returns.Place, by consumerTag: String) {
        self.waiting.removeAll { $0 == place }
        self.asked.removeAll { $0 == place }
        self.absent[place] = nil
        self.consumers[consumerTag] = place
    }

    /// - Parameters:
    ///   - place: That can not be had.
    ///   - now: The time.
    ///   - isSaidElsewhere: Whether somebody else tells why: the connection has ended.
    /// - Returns: Whether it is to be said: the first time in a row that nobody else does.
    package mutating func failed(_ place: Returns.Place, now: UInt64, isSaidElsewhere: Bool = false) -> Bool {
        var absence = self.absent[place] ?? Absence()
        absence.notBefore = now &+ min(500_000_000 << UInt64(min(absence.failures, 16)), Self.longestPause)
        absence.failures += 1
        let isNews = !absence.isSaid && !isSaidElsewhere
        absence.isSaid = absence.isSaid || isNews
        self.absent[place] = absence
        self.waiting.removeAll { $0 == place }
        self.asked.removeAll { $0 == place }
        // Behind the others: what one of them costs is not paid by all.
        self.waiting.append(place)
        return isNews
    }

    /// The broker ended a consumer.
    package mutating func ended(_ consumerTag: String) -> Returns.Place? {
        guard let place = self.consumers.removeValue(forKey: consumerTag) else { return nil }
        self.waiting.append(place)
        return place
    }

    /// The channel ended; what failed on it keeps its pause, and what had no answer comes last.
    package mutating func endedAll() {
        self.waiting.insert(
            contentsOf: self.consumers.values.sorted { ($0.home, $0.stage) < ($1.home, $1.stage) },
            at: 0
        )
        self.consumers = [:]
        self.waiting += self.asked
        self.asked = []
    }
}
