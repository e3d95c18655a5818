/// What is not well when nothing moves any more: a line for each thing.
public struct UnsettledError: Error, Equatable, CustomStringConvertible {
    /// One thing that a test has not said it expects.
    public enum Problem: Sendable, Equatable, CustomStringConvertible {
        /// A message became a dead letter.
        case deadLetter(job: String, message: String, attempt: Int, error: String)
        /// The broker dropped messages, or moved them to a dead-letter exchange, because a queue was full or gave them out too often.
        case dropped(Int, reason: String)
        /// Messages were in a job's queue for longer than they may be.
        case expired(queue: String, count: Int)
        /// Messages of a job without acks were lost with the connection, on their way to it.
        case lost(queue: String, count: Int)
        /// A handler ran longer than its job's timeout.
        case timeout(job: String, message: String)
        /// An output could not be delivered.
        case undeliverable(job: String, message: String, error: String)
        /// Messages lie in a job's queue, or wait for it, and nothing brings them on.
        case left(queue: String, ready: Int, waiting: Int)
        /// A job does not run any more.
        case jobFailed(String, reason: String)
        /// It did not come to rest; what moves.
        case stillMoving(limit: Duration, what: String)
        /// Messages wait for longer than the test has given them.
        case waitsTooLong(Duration)
        /// There was not as much of something as the test expects.
        case expected(SettleExpectation, found: Int)

        /// One line.
        public var description: String {
            switch self {
            case .deadLetter(let job, let message, let attempt, let error):
                "job '\(job)': message \(message) became a dead letter at attempt \(attempt): \(error)"
            case .dropped(let count, let reason): "the broker itself dropped or dead-lettered \(count): \(reason)"
            case .expired(let queue, let count): "queue '\(queue)': the time of \(count) was over before a job had them"
            case .lost(let queue, let count): "queue '\(queue)': \(count) lost on their way to a job without acks"
            case .timeout(let job, let message):
                "job '\(job)': the handler ran longer than its timeout with message \(message)"
            case .undeliverable(let job, let message, let error):
                "job '\(job)': an output of message \(message) could not be delivered: \(error)"
            case .left(let queue, let ready, let waiting):
                "queue '\(queue)': \(ready) left, and \(waiting) that wait for their time"
            case .jobFailed(let job, let reason): "job '\(job)' does not run: \(reason)"
            case .stillMoving(let limit, let what): "it did not come to rest within \(limit): \(what)"
            case .waitsTooLong(let limit): "messages still wait for their time after \(limit)"
            case .expected(let expectation, let found): "expected: \(expectation), found: \(found)"
            }
        }
    }

    /// All of them.
    public let problems: [Problem]

    /// An error to compare with.
    public init(_ problems: [Problem]) { self.problems = problems }

    /// A line for each.
    public var description: String { self.problems.map(\.description).joined(separator: "\n") }
}

/// What a test says beforehand that it expects, with its number.
public enum SettleExpectation: Sendable, Hashable, CustomStringConvertible {
    /// So many messages become dead letters.
    case deadLetters(Int)
    /// So many handlers run longer than their job's timeout.
    case timeouts(Int)
    /// So many times an output can not be delivered.
    case undeliverable(Int)
    /// So many messages are left in the queues of jobs, those that wait for their time included.
    case left(Int)
    /// The broker itself drops or dead-letters so many.
    case dropped(Int)
    /// So many jobs do not run any more.
    case failedJobs(Int)
    /// So many messages are in the queues of jobs for longer than they may be.
    case expired(Int)
    /// So many messages are lost on their way to jobs without acks.
    case lost(Int)

    var count: Int {
        switch self {
        case .deadLetters(let count), .timeouts(let count), .undeliverable(let count), .left(let count),
            .dropped(let count), .failedJobs(let count), .expired(let count), .lost(let count):
            count
        }
    }

    /// How many of its kind that problem is; nil if it is of another.
    func count(of problem: UnsettledError.Problem) -> Int? {
        switch (self, problem) {
        case (.deadLetters, .deadLetter), (.timeouts, .timeout), (.undeliverable, .undeliverable),
            (.failedJobs, .jobFailed):
            1
        case (.left, .left(_, let ready, let waiting)): ready + waiting
        case (.dropped, .dropped(let count, _)), (.expired, .expired(_, let count)), (.lost, .lost(_, let count)):
            count
        default: nil
        }
    }

    /// As it is written: `deadLetters(1)`.
    public var description: String {
        switch self {
        case .deadLetters(let count): "deadLetters(\(count))"
        case .timeouts(let count): "timeouts(\(count))"
        case .undeliverable(let count): "undeliverable(\(count))"
        case .left(let count): "left(\(count))"
        case .dropped(let count): "dropped(\(count))"
        case .failedJobs(let count): "failedJobs(\(count))"
        case .expired(let count): "expired(\(count))"
        case .lost(let count): "lost(\(count))"
        }
    }
}
