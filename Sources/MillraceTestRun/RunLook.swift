import AMQPBroker
import Millrace
import MillraceMessages

/// A run at one moment, as a value: what its broker holds, what its supervisor waits for, and whether anything moves.
struct RunLook: Sendable {
    /// What the broker has.
    struct Seen: Sendable {
        var queues: [String: EmbeddedBroker.QueueView] = [:]
        /// What has gone to jobs without acks, by their first queues.
        var givenAway: [String: Int] = [:]
        /// Of that, what went to the consumers that there are now.
        var givenAwayToThose: [String: Int] = [:]
        /// Messages whose time was over, by queue.
        var expired: [String: Int] = [:]
        var deaths: [Death: Int] = [:]
        /// When something becomes due in it, in its milliseconds; nil for never.
        var nextDeadline: UInt64?
        var now: UInt64 = 0
    }

    let seen: Seen
    let stillness: Stillness
    let status: SupervisorStatus
    let jobs: [JobDefinition]
    /// Nanoseconds of the job clock, taken last.
    let now: UInt64

    /// Messages that a supervisor takes of one delay queue; more stay there.
    private static let window = DelaySettings().window

    /// The queues that jobs consume, each once.
    var jobQueues: [String] {
        var known: Set<String> = []
        return self.jobs.flatMap(\.queues).filter { known.insert($0).inserted }
    }

    static func delayQueues(of queue: String) -> [String] {
        DelayLadder.standard.stages.indices.map { DelayLadder.standard.queueName($0, of: queue) }
    }

    /// What moves, for people; nil if nothing does before a time comes.
    var movement: String? {
        for queue in self.jobQueues {
            if let what = self.movement(in: queue) { return what }
        }
        if let what = self.movementOfCopies { return what }
        if self.stillness.unackedInHand > 0 {
            return "\(self.stillness.unackedInHand) in the hands of jobs without acks"
        }
        // A time that has come: whoever waits for it has not looked yet.
        if self.stillness.ticksWake <= self.now { return "a schedule is at its tick" }
        if self.stillness.holdsWake <= self.now { return "a job that was held begins again" }
        return nil
    }

    private func movement(in queue: String) -> String? {
        guard let view = self.seen.queues[queue] else {
            return self.rests(queue) ? nil : "queue '\(queue)' is not there"
        }
        if view.unacked > 0 { return "queue '\(queue)': \(view.unacked) in hand" }
        if let received = self.stillness.unackedReceivedOnThose[queue],
            received < self.seen.givenAwayToThose[queue, default: 0]
        {
            return "queue '\(queue)': deliveries on their way"
        }
        if view.ready > 0, !self.rests(queue) { return "queue '\(queue)': \(view.ready) ready" }
        return nil
    }

    /// Whether none of its jobs takes anything before somebody does something, or a time comes.
    private func rests(_ queue: String) -> Bool {
        self.status.jobs.allSatisfy { job in
            switch job.state {
            case .paused, .held, .failed, .drained: true
            case .starting, .running, .restarting: !job.queues.contains(queue)
            }
        }
    }

    private var movementOfCopies: String? {
        var held = 0
        for queue in self.jobQueues {
            for name in Self.delayQueues(of: queue) {
                guard let view = self.seen.queues[name] else { continue }
                held += view.unacked
                if view.ready > 0, view.unacked < Self.window { return "queue '\(name)': \(view.ready) ready" }
            }
        }
        if held != self.stillness.copies { return "copies on their way into or out of delay queues" }
        return held > 0 && self.stillness.copiesWake <= self.now ? "a copy whose time has come" : nil
    }

    /// When the supervisor goes on with a message by itself; nil for never.
    var nextWait: UInt64? {
        let copies = self.stillness.copies > 0 ? self.stillness.copiesWake : .max
        let next = min(copies, self.stillness.holdsWake)
        return next == .max ? nil : next
    }

    /// When anything happens by itself, the broker's own times and schedules included, as nanoseconds from now.
    var nextEvent: UInt64? {
        let ours = min(self.nextWait ?? .max, self.stillness.ticksWake)
        let untilOurs = ours == .max ? UInt64.max : ours - min(ours, self.now)
        let untilBroker = self.seen.nextDeadline.map { ($0 - min($0, self.seen.now)) &* 1_000_000 } ?? .max
        let next = min(untilOurs, untilBroker)
        return next == .max ? nil : next
    }

    /// What went to jobs without acks and never got there, by their first queues.
    var lost: [String: Int] {
        self.seen.givenAway.reduce(into: [:]) { lost, entry in
            lost[entry.key] = entry.value - self.stillness.unackedReceived[entry.key, default: 0]
        }
    }

    /// Messages of a job's queue that are there, and those that wait.
    func left(of queue: String) -> (ready: Int, waiting: Int) {
        let view = self.seen.queues[queue]
        let waiting = Self.delayQueues(of: queue).reduce(0) { sum, name in
            sum + (self.seen.queues[name].map { $0.ready + $0.unacked } ?? 0)
        }
        return ((view?.ready ?? 0) + (view?.unacked ?? 0), waiting)
    }
}
