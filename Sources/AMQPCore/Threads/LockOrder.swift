import CAMQPSystem

/// How far in a lock stands: inside one that is held, only those further in may be taken.
///
/// Which ones are nested, and where, HowItWorks.md says.
package enum LockLevel: UInt8, Sendable, Comparable {
    case outermost = 1
    case acks
    case outbox
    /// Nothing is taken inside.
    case innermost

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

#if DEBUG
    /// The levels of the locks that the calling thread holds.
    ///
    /// One that is taken against the order ends the process there and then, in debug builds: else two threads that meet would
    /// wait for each other for ever, once in a million runs.
    enum LockOrder {
        /// - Parameters:
        ///   - level: Of the lock that is about to be taken.
        ///   - mayWait: Whether its holder sleeps on its condition: then nothing else may be held.
        static func enter(_ level: LockLevel, mayWait: Bool) {
            let held = LockLevel(rawValue: amqp_take_level(level.rawValue))
            guard let held else { return }
            precondition(held < level, "a lock '\(level)' is taken inside one '\(held)'")
            precondition(!mayWait, "a thread that holds a lock '\(held)' waits for another's condition")
        }

        static func leave() { amqp_drop_level() }
    }
#endif
