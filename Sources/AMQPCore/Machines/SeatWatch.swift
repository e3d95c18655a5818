/// Whether the connection's thread has to wait for the socket while nobody sits in the ``ReadingSeat``.
///
/// Mostly somebody sits down again within microseconds, sooner than the system call is worth that tells the thread. So after
/// 100 short vacancies in a row it is told no more, and looks every 10 ms whether one has become long: the most that a
/// handler which takes its time for once can hold up its neighbours. Any long one ends that, for the next 100.
///
/// Why: record 9, empty seat.
package struct SeatWatch: Sendable {
    /// How long a short vacancy is, in nanoseconds.
    package static let shortVacancy: UInt64 = 50_000
    package static let trustAfter = 100
    package static let lookInterval: UInt64 = 10_000_000

    /// Whether the connection's thread waits for octets.
    package private(set) var isOn = true
    /// When the connection's thread looks, in nanoseconds of ``MonotonicClock``; nil is never: it is told of each vacancy.
    package private(set) var nextLook: UInt64?
    private var vacantSince: UInt64?
    private var shortVacancies = 0
    private var wasLeft = false

    package init() {}

    package mutating func left(now: UInt64) {
        self.vacantSince = now
        self.wasLeft = true
        self.isOn = self.nextLook == nil
    }

    /// Somebody sits down.
    ///
    /// - Returns: Whether the connection's thread looks from now on, and has to learn of it.
    package mutating func taken(now: UInt64) -> Bool {
        let isShort = self.isShort(now)
        self.isOn = false
        self.vacantSince = nil
        guard isShort else {
            self.distrust()
            return false
        }
        self.shortVacancies += 1
        guard self.nextLook == nil, self.shortVacancies >= Self.trustAfter else { return false }
        self.nextLook = now &+ Self.lookInterval
        return true
    }

    /// The connection's thread looks, if it is time.
    package mutating func look(now: UInt64) {
        guard let nextLook, now >= nextLook else { return }
        if self.wasLeft, self.vacantSince == nil || self.isShort(now) {
            self.wasLeft = false
            self.nextLook = now &+ Self.lookInterval
            return
        }
        self.distrust()
        if self.vacantSince != nil { self.isOn = true }
    }

    private mutating func distrust() {
        self.nextLook = nil
        self.shortVacancies = 0
    }

    private func isShort(_ now: UInt64) -> Bool {
        guard let vacantSince else { return false }
        return now <= vacantSince &+ Self.shortVacancy
    }
}
