/// What operators have changed of one job while it runs, beside what its file says.
package struct JobOverrides: Sendable, Equatable {
    package struct Pause: Sendable, Equatable {
        /// False holds a job that its file pauses running.
        package var isPaused: Bool
        package var note: ChangeNote

        package init(isPaused: Bool, note: ChangeNote) {
            self.isPaused = isPaused
            self.note = note
        }
    }
    package struct Threads: Sendable, Equatable {
        package var wish: ThreadsWish
        package var note: ChangeNote

        package init(_ wish: ThreadsWish, note: ChangeNote) {
            self.wish = wish
            self.note = note
        }
    }

    package var pause: Pause?
    package var threads: Threads?

    package init(pause: Pause? = nil, threads: Threads? = nil) {
        self.pause = pause
        self.threads = threads
    }

    package var isEmpty: Bool { self.pause == nil && self.threads == nil }
}

/// How many threads somebody wants a job to have.
package enum ThreadsWish: Sendable, Equatable {
    case fixed(Int)
    /// As the backlog asks for, between these.
    case range(Int, Int)

    /// Threads that one job may have.
    package static let limits = 1...512

    /// Reads `8`, or `2..16`.
    ///
    /// - Returns: Nil if it is neither, or a number is out of range.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count == 1, let count = Int(parts[0]), Self.limits.contains(count) {
            self = .fixed(count)
        } else if parts.count == 3, parts[1].isEmpty, let low = Int(parts[0]), let high = Int(parts[2]),
            Self.limits.contains(low), Self.limits.contains(high), low <= high
        {
            self = .range(low, high)
        } else {
            return nil
        }
    }

    /// As it is read.
    package var text: String {
        switch self {
        case .fixed(let count): "\(count)"
        case .range(let low, let high): "\(low)..\(high)"
        }
    }
}
