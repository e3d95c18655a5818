import AMQPClient

/// What is known of every input: which are in the broker's care, and which are done; several threads write it.
final class ChaosRecord: Sendable {
    struct Job {
        /// Confirmed by the broker; ids are numbers from 0.
        var isFed: [Bool] = []
        var fed = 0
        /// How often each came out as an output, and as a dead letter.
        var outputs: [UInt8] = []
        var deadLetters: [UInt8] = []
        /// Thrown out of a classic queue by its limit: RabbitMQ does that when the limit is made lower, and at a restart to
        /// what its consumers had in hand beside the limit.
        var trimmed: Set<Int> = []
        /// Of those that came out at all.
        var done = 0
        /// Went with their queue when that was deleted.
        var deleted = 0
        /// Neither done nor deleted, as far as one knows.
        var open: Int { self.fed - self.done - self.deleted }
        var duplicates = 0

        mutating func noteFed(_ id: Int) {
            self.grow(to: id)
            if !self.isFed[id] { self.fed += 1 }
            self.isFed[id] = true
        }

        private func cameOut(_ id: Int) -> Bool {
            self.outputs[id] > 0 || self.deadLetters[id] > 0 || self.trimmed.contains(id)
        }

        mutating func noteTrimmed(_ id: Int) {
            self.grow(to: id)
            if !self.cameOut(id) { self.done += 1 }
            self.trimmed.insert(id)
        }

        mutating func noteDone(_ id: Int, dead: Bool) {
            self.grow(to: id)
            if !self.cameOut(id) { self.done += 1 }
            if self.outputs[id] > 0 || self.deadLetters[id] > 0 { self.duplicates += 1 }
            if dead {
                self.deadLetters[id] = min(self.deadLetters[id], 254) + 1
            } else {
                self.outputs[id] = min(self.outputs[id], 254) + 1
            }
        }

        private mutating func grow(to id: Int) {
            guard id >= self.isFed.count else { return }
            let missing = id + 1024 - self.isFed.count
            self.isFed += Array(repeating: false, count: missing)
            self.outputs += Array(repeating: 0, count: missing)
            self.deadLetters += Array(repeating: 0, count: missing)
        }
    }

    struct State {
        var jobs: [Job]
        /// The feeder waits, and has nothing on its way.
        var isPaused = false
        var isFeederIdle = false
        var isFeedingOver = false
        var isStopping = false
    }
    let monitor: Monitor<State>

    init(jobs: Int) { self.monitor = Monitor(State(jobs: Array(repeating: Job(), count: jobs))) }

    var state: State { self.monitor.withLock { $0 } }

    func change(_ body: (inout State) -> Void) {
        self.monitor.withLock(body)
        self.monitor.broadcast()
    }

    /// Waits until something has come true; false after a time.
    func wait(seconds: Int, until isThere: (State) -> Bool) -> Bool {
        self.monitor.wait(until: MonotonicClock.deadline(in: .seconds(seconds))) { isThere($0) ? true : nil } ?? false
    }
}
