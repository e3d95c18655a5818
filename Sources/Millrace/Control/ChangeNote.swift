import AMQPCore

/// Who changed something of a running supervisor, why, and until when.
package struct ChangeNote: Sendable, Equatable {
    /// Who, as far as is known: the name of a user of this system, or where the request came from.
    package var actor: String
    /// What they said about it; nil if nothing.
    package var reason: String?
    /// When, in seconds since 1970.
    package var since: Int64
    /// When it ends by itself, in seconds since 1970; nil is never.
    package var until: Int64?

    package init(actor: String, reason: String? = nil, since: Int64, until: Int64? = nil) {
        self.actor = actor
        self.reason = reason
        self.since = since
        self.until = until
    }

    /// Whether it is over.
    func isOver(now: Int64) -> Bool { self.until.map { now >= $0 } ?? false }

    /// For people: `10:41, by ada, "backfill", ends 12:41`.
    ///
    /// - Parameter zone: Seconds that the reader's clock is ahead of UTC.
    /// - Returns: One line.
    package func text(zone: Int64) -> String {
        var parts = [ClockText.minutes(self.since, zone: zone), "by \(PlainText.line(self.actor))"]
        if let reason { parts.append("\"\(PlainText.line(reason))\"") }
        if let until { parts.append("ends \(ClockText.minutes(until, zone: zone))") }
        return parts.joined(separator: ", ")
    }
}

/// Times as people read them.
package enum ClockText {
    /// `10:41` of its day, in a zone that is so many seconds ahead of UTC.
    package static func minutes(_ time: Int64, zone: Int64) -> String {
        let second = ((time + zone) % 86_400 + 86_400) % 86_400
        return Self.two(second / 3600) + ":" + Self.two(second / 60 % 60)
    }

    /// `10:41:07` of its day.
    package static func seconds(_ time: Int64, zone: Int64) -> String {
        Self.minutes(time, zone: zone) + ":" + Self.two(((time % 60) + 60) % 60)
    }

    private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
