/// The stages in which a copy waits, a queue on the broker for each.
///
/// A queue holds every message for the length of its stage, so that the one at its head is always the next one due; a
/// long wait goes through a stage several times. The stages are the same for every job and every file, so that whoever
/// comes finds all that waits, whatever it was put in for.
package struct DelayLadder: Sendable, Equatable {
    /// Milliseconds, from 0, rising.
    ///
    /// The first stage takes what is shorter than the second.
    package let stages: [Int]

    package init(stages: [Int]) { self.stages = stages }

    package static let standard = DelayLadder(stages: [0, 1_000, 16_000, 256_000])

    /// The longest stage that is not longer than the wait.
    ///
    /// - Parameters:
    ///   - wait: Milliseconds.
    ///   - longest: Of stages longer than this the one before is taken; milliseconds.
    /// - Returns: Its index.
    package func stage(for wait: Int, atMost longest: Int = .max) -> Int {
        self.stages.lastIndex { $0 <= wait && $0 <= longest } ?? 0
    }

    /// `orders.delay.16s`.
    package func queueName(_ stage: Int, of queue: String) -> String {
        let length = self.stages[stage]
        let text = length % 1000 == 0 ? "\(length / 1000)s" : "\(length)ms"
        return DerivedName.of(queue, "delay.\(text)")
    }
}
