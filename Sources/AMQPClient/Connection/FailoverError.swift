public import AMQPCore

/// Why none of several endpoints could be used.
public struct FailoverError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One endpoint that was tried.
    public struct Failure: Sendable, Equatable {
        /// Its address, without credentials.
        public let address: String
        /// Why it could not be used.
        public let error: AMQPError
    }

    /// One for each endpoint, in the order they were tried.
    public let failures: [Failure]

    /// Whether trying again later can help: at least one of them may only be away for now.
    public var isTransient: Bool { self.failures.contains { $0.error.isTransient } }

    /// One line for each endpoint; never a password.
    public var description: String {
        guard !self.failures.isEmpty else { return "there is no endpoint to connect to" }
        return self.failures.map { "\(PlainText.line($0.address)): \($0.error)" }.joined(separator: "\n")
    }
}
