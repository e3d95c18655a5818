/// Why a run does not start, or does not do what the test asks of it.
public struct TestRunError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Equatable, Sendable {
        /// A job can not run; why.
        case jobFailed(String, reason: String)
        /// Jobs do not consume within the time; what is missing.
        case doesNotStart([String])
        /// A message of the test goes into no queue: by which exchange and key.
        case unroutable(exchange: String, routingKey: String)
        /// A queue has refused a message of the test.
        case refused(exchange: String, routingKey: String)
        /// The broker does not take a message of the test; its words.
        case impossibleMessage(String)
        /// There is no such queue; those that there are.
        case noQueue(String, offered: [String])
        /// Nobody consumes the queue.
        case noConsumer(String)
        /// The file expects an exchange of a type that the embedded broker does not have.
        case unknownExchangeType(String, type: String)
        /// The system gave no thread.
        case noThread
    }

    /// What is wrong.
    public let problem: Problem

    /// An error to compare with.
    public init(_ problem: Problem) { self.problem = problem }

    /// One sentence.
    public var description: String {
        switch self.problem {
        case .jobFailed(let job, let reason): "job '\(job)' does not run: \(reason)"
        case .doesNotStart(let missing): "the jobs do not start: \(missing.joined(separator: "; "))"
        case .unroutable(let exchange, let key): "no queue takes a message of the test: \(Self.place(exchange, key))"
        case .refused(let exchange, let key): "a queue refuses a message of the test: \(Self.place(exchange, key))"
        case .impossibleMessage(let text): "the broker does not take a message of the test: \(text)"
        case .noQueue(let name, let offered):
            "there is no queue '\(name)'; "
                + (offered.isEmpty ? "there is none" : "there are \(offered.joined(separator: ", "))")
        case .noConsumer(let queue): "nobody consumes queue '\(queue)'"
        case .unknownExchangeType(let name, let type):
            "exchange '\(name)' is to be there, of type '\(type)', which the embedded broker does not have"
        case .noThread: "there is no thread for the supervisor"
        }
    }

    private static func place(_ exchange: String, _ key: String) -> String {
        exchange.isEmpty ? "queue '\(key)'" : "exchange '\(exchange)', key '\(key)'"
    }
}
