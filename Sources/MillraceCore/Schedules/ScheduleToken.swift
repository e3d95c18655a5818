/// What the broker remembers of a schedule: a message in its clock queue.
///
/// A value; times are milliseconds since 1970.
package struct ScheduleToken: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// Somebody was there at this time: what comes after it counts, unless more is known.
        case seed
        /// All up to this time is done.
        case done
    }
    package let kind: Kind
    package let time: Int64
    /// What the schedule said then: with other words it has other times.
    package let rule: String

    package init(_ kind: Kind, _ time: Int64, rule: String) {
        self.kind = kind
        self.time = time
        self.rule = rule
    }

    /// Whether it says more than another: what is done by its maximum, and of seeds the oldest.
    package func outdoes(_ other: ScheduleToken) -> Bool {
        switch (self.kind, other.kind) {
        case (.done, .seed): true
        case (.seed, .done): false
        case (.done, .done): self.time > other.time
        case (.seed, .seed): self.time < other.time
        }
    }
}
