/// What was changed of a running supervisor, the newest last: as many entries as a person reads.
package struct ControlHistory: Sendable {
    package struct Entry: Sendable, Equatable {
        /// Seconds since 1970.
        package let time: Int64
        package let actor: String
        /// As on the command line: `scale orders 8`.
        package let what: String
        package let reason: String?
        /// What came of it, if it is worth a word: why it was refused.
        package let outcome: String?

        package init(time: Int64, actor: String, what: String, reason: String? = nil, outcome: String? = nil) {
            self.time = time
            self.actor = actor
            self.what = what
            self.reason = reason
            self.outcome = outcome
        }
    }

    package static let limit = 200
    package private(set) var entries: [Entry] = []

    package init() {}

    package mutating func add(_ entry: Entry) {
        if self.entries.count == Self.limit { self.entries.removeFirst() }
        self.entries.append(entry)
    }
}
