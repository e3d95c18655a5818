import AMQPClient
import Glibc

/// How long tests wait for what has to come.
package enum Patience {
    /// It comes at once, but for a machine on which hundreds of tests run beside each other, under a sanitizer.
    package static let long = Duration.seconds(180)

    /// Looks again and again, for a state that nobody tells of.
    ///
    /// - Returns: Whether it came.
    /// - Throws: What `condition` throws.
    package static func sees<E: Error>(_ condition: () throws(E) -> Bool) throws(E) -> Bool {
        let deadline = MonotonicClock.now() &+ Self.long.nanoseconds
        while try !condition() {
            guard MonotonicClock.now() < deadline else { return false }
            // A thread that only looks leaves the processors to what it waits for.
            poll(nil, 0, 1)
        }
        return true
    }
}
