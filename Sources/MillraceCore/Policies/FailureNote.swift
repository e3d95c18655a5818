package import AMQPWire
import MillraceMessages

/// What a copy of a message says about the attempt that failed.
package struct FailureNote: Sendable, Equatable {
    /// Why a message is a dead letter.
    package enum Reason: String, Sendable {
        /// Its last attempt failed.
        case exhausted
        /// Its handler rejected it, or could not read it.
        case rejected
        /// It failed, and its job does not try again.
        case failed
        /// It was in hand when the process died.
        case crashed
        /// Its handler ran longer than `kill_timeout`, twice in a row.
        case hung
    }

    package var job: String
    package var queue: String
    /// `plugin.handler on HOST`.
    package var place: String
    package var error: String
    /// Seconds since 1970.
    package var time: UInt64
    /// Nil while it is tried again.
    package var reason: Reason?

    package init(job: String, queue: String, place: String, error: String, time: UInt64, reason: Reason?) {
        self.job = job
        self.queue = queue
        self.place = place
        self.error = error
        self.time = time
        self.reason = reason
    }

    /// Octets of the error that travel with a message: every copy carries them, and a header frame has a limit.
    package static let errorBudget = 1000
    /// Octets of the place.
    package static let placeBudget = 200

    package func write(to headers: inout FieldTable) {
        headers[JobHeaders.job] = .string(self.job)
        headers[JobHeaders.queue] = .string(self.queue)
        headers[JobHeaders.error] = .string(Self.cut(self.error, to: Self.errorBudget))
        headers[JobHeaders.errorTime] = .timestamp(self.time)
        headers[JobHeaders.errorPlace] = .string(Self.cut(self.place, to: Self.placeBudget))
        headers[JobHeaders.failure] = self.reason.map { .string($0.rawValue) }
    }

    /// At most `budget` octets of UTF-8, whole characters, and a mark that something is missing.
    package static func cut(_ text: String, to budget: Int) -> String { CutText.cut(text, to: budget) }
}

/// How a copy of a message differs from the one that a handler had in hand.
package enum MessageCopy {
    /// The properties of a copy.
    ///
    /// What belongs to one publish or one broker stays behind: `user-id` (the broker checks it against our login),
    /// `expiration` (it would cut a wait short), `CC` and `BCC` (they would reach other queues again), and what the
    /// broker noted about earlier deaths. All else is passed on octet for octet, whatever it is.
    ///
    /// - Parameters:
    ///   - original: Those of the message in hand.
    ///   - attempt: Goes into the attempt header; nil leaves it as it is.
    ///   - exchange: Where the message was first published; an earlier copy's header comes first.
    ///   - routingKey: The same.
    ///   - note: What failed; nil if nothing did.
    ///   - seal: What tells our copies from others.
    /// - Returns: What the copy is published with.
    package static func properties(
        of original: BasicProperties,
        attempt: Int?,
        exchange: String,
        routingKey: String,
        note: FailureNote?,
        seal: CopySeal = CopySeal(user: nil)
    ) -> BasicProperties {
        Self.properties(
            of: original,
            attempt: attempt,
            origin: (.string(exchange), .string(routingKey)),
            note: note,
            seal: seal
        )
    }

    /// The same for an exchange and a key that may be any octets: texts, as `FieldValue(textOctets:)` makes them.
    package static func properties(
        of original: BasicProperties,
        attempt: Int?,
        origin: (exchange: FieldValue, routingKey: FieldValue),
        note: FailureNote?,
        seal: CopySeal = CopySeal(user: nil)
    ) -> BasicProperties {
        let isOurs = seal.isOurs(original)
        var properties = original
        properties.userID = seal.user
        properties.expiration = nil
        var headers = original.headers ?? FieldTable()
        headers.entries.removeAll { entry in
            entry.isText && (Self.staysBehind(entry.key) || (!isOurs && JobHeaders.all.contains(entry.key)))
        }
        // A copy of a copy has it already.
        if let user = original.userID, headers[JobHeaders.exchange] == nil {
            headers[JobHeaders.userID] = .string(user)
        }
        if headers[JobHeaders.exchange] == nil { headers[JobHeaders.exchange] = origin.exchange }
        if headers[JobHeaders.routingKey] == nil { headers[JobHeaders.routingKey] = origin.routingKey }
        if let attempt { headers[JobHeaders.attempt] = .int64(Int64(attempt)) }
        note?.write(to: &headers)
        properties.headers = headers
        return properties
    }

    /// Headers of one publish: they would send a copy to other queues too.
    package static let ofOnePublish = ["CC", "BCC", "millrace-seq"]

    package static func staysBehind(_ header: String) -> Bool {
        header == "CC" || header == "BCC" || header == "x-death" || header == "x-delivery-count"
            || header == "x-acquired-count" || header.hasPrefix("x-first-death-") || header.hasPrefix("x-last-death-")
            || header == "millrace-seq"
    }

    /// The attempt that a message is for, from 1, as our header says.
    ///
    /// Each queue counts for itself, and a dead letter that is worked off is tried for the first time.
    ///
    /// - Parameters:
    ///   - headers: Of a copy of ours.
    ///   - queue: The queue that it is tried from.
    /// - Returns: The attempt.
    package static func attempt(_ headers: FieldTable?, at queue: String) -> Int {
        guard let count = headers?[JobHeaders.attempt]?.intValue, headers?[JobHeaders.failure] == nil else { return 1 }
        if let counted = headers?[JobHeaders.queue]?.stringValue, counted != queue { return 1 }
        return Int(min(max(count, 1), Int64(Int32.max)))  // anybody may have written it
    }
}
