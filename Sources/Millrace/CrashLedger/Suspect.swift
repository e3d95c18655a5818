import AMQPWire

/// Beside whom a suspect must not run; the raw value stands in the ledger.
package enum Isolation: UInt64, Sendable {
    /// It was seen to be the culprit.
    case none = 0
    /// Anybody in this process: the crash named no worker's thread.
    case process = 1
    /// Anybody on its worker: the crash named that thread, with others in hand.
    case worker = 2
}

/// A message that was in hand when the process died, and how much that says against it.
package struct Suspect: Equatable, Sendable {
    /// As it stood in the worker's slot: of a long body only the ends.
    package var fingerprint: Fingerprint
    /// Of the whole message; `none` until it has been begun as a suspect.
    package var whole: Fingerprint = .none
    /// In halves: a crash that it was seen to cause is 2, an end without a signal 1.
    package var halves: UInt32 = 0
    /// How many times it was in hand when the process died.
    package var deaths: UInt32 = 0
    /// What ended the process last; 0 if nobody knows.
    package var signal: Int32 = 0
    /// How alone it has to run for the next crash to say who it was.
    package var isolation = Isolation.none
    /// Seconds since 1970.
    package var lastDeath: UInt64 = 0
    /// The same since the machine's start; nil if it was started again since.
    package var lastDeathSinceBoot: UInt64?

    package init(fingerprint: Fingerprint) { self.fingerprint = fingerprint }

    package func isCondemned(limit: Int) -> Bool { self.halves >= UInt32(clamping: limit) * 2 }

    /// What its dead letter says.
    package var reason: String {
        let how = self.signal == 0 ? "without a signal of its own" : "by \(SignalName.of(self.signal))"
        return "it was in hand when the process died, \(Plural.of(self.deaths, "time")); the last time \(how)"
    }
}

/// A suspect on 64 octets of the ledger.
extension Suspect {
    package static let octets = 64

    /// Nil for a free row, and for one that was half written.
    package init?(words: [UInt64]) {
        guard words.count == 8, words[0] != 0, words[7] == Self.check(words) else { return nil }
        self.init(fingerprint: Fingerprint(low: words[0], high: words[1]))
        self.whole = Fingerprint(low: words[2], high: words[3])
        self.halves = UInt32(truncatingIfNeeded: words[4] >> 32)
        self.deaths = UInt32(truncatingIfNeeded: words[4])
        self.signal = Int32(truncatingIfNeeded: words[5] >> 32)
        self.isolation = Isolation(rawValue: words[5] & 3) ?? .process
        self.lastDeath = words[6]
        self.lastDeathSinceBoot = (words[5] & Self.sinceBootMask) == 0 ? nil : (words[5] & Self.sinceBootMask) >> 2
    }

    /// 30 bits between the signal and the isolation; 0 is nil.
    private static let sinceBootMask: UInt64 = 0xFFFF_FFFC

    package var words: [UInt64] {
        var words = [
            self.fingerprint.low, self.fingerprint.high, self.whole.low, self.whole.high,
            UInt64(self.halves) << 32 | UInt64(self.deaths),
            UInt64(UInt32(bitPattern: self.signal)) << 32 | (self.lastDeathSinceBoot ?? 0) << 2 & Self.sinceBootMask
                | self.isolation.rawValue, self.lastDeath,
        ]
        words.append(Self.check(words))
        return words
    }

    private static func check(_ words: [UInt64]) -> UInt64 {
        var hasher = FingerprintHasher(seed: .none)
        for word in words.prefix(7) { hasher.add(word, 0) }
        return hasher.fingerprint.low
    }
}

/// Signals by the names that people know.
package enum SignalName {
    package static func of(_ signal: Int32) -> String {
        switch signal {
        case 4: "SIGILL"
        case 5: "SIGTRAP"
        case 6: "SIGABRT"
        case 8: "SIGFPE"
        case 11: "SIGSEGV"
        default: "signal \(signal)"
        }
    }
}
