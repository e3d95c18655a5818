/// When a channel that has settled deliveries may close, as a value: the frames' count and the time come in.
///
/// A RabbitMQ quorum queue writes each settlement down. Behind 32 that are not written yet the broker keeps the others back,
/// and forgets those when the channel ends: their messages are given out again, done or not. The answer to a
/// `basic.cancel` says that what came before it is written; for what comes after it, when that is much, a pause has to do.
package struct SettlingTail: Sendable {
    /// Frames that need no pause.
    private static let free: UInt64 = 24
    /// Nanoseconds.
    private static let pause: UInt64 = 1_000_000_000

    private var written: UInt64
    private var samples: [(frames: UInt64, time: UInt64)] = []

    /// - Parameter frames: That the channel had made when the broker answered.
    package init(frames: UInt64) { self.written = frames }

    /// One look at what has been sent.
    package mutating func look(frames: UInt64, now: UInt64) {
        if frames > self.samples.last?.frames ?? self.written { self.samples.append((frames, now)) }
        while let first = self.samples.first, first.time &+ Self.pause <= now {
            self.written = first.frames
            self.samples.removeFirst()
        }
    }

    /// Nil if at once.
    package var mayCloseAt: UInt64? {
        guard let last = self.samples.last, last.frames - self.written > Self.free else { return nil }
        return self.samples.first { last.frames - $0.frames <= Self.free }.map { $0.time &+ Self.pause }
    }
}
