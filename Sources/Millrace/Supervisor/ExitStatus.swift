public import AMQPClient

/// How a run of the supervisor ended; the raw value is the process's exit status.
public enum ExitStatus: Int32, Sendable {
    /// Drained, nothing abandoned.
    case clean = 0
    /// Ended with deliveries in hand, which the broker gives out again, or with work done whose acks it never got; or a job had
    /// failed.
    case abandoned = 1
    /// The broker can not be used, or not now.
    case brokerUnavailable = 69
    /// The broker does not let this user do what the job file needs: a password, a permission.
    case noPermission = 77
    /// The job file asks for what its broker does not have, or has otherwise.
    case configuration = 78

    /// Whose fault an error of a broker is.
    public init(_ error: AMQPError) {
        self =
            if error.isRefusalOfUser {
                .noPermission
            } else if error.code == .invalidSettings || Self.isOfFile(error) {
                .configuration
            } else {
                .brokerUnavailable
            }
    }

    /// The broker is well, and can not do what was asked for.
    private static func isOfFile(_ error: AMQPError) -> Bool {
        switch error.scope {
        case .connection: return error.isRefusalForGood && error.code.rawValue != 530
        case .call, .channel:
            if error.isTransient || error.meansBlocked { return false }
            return [403, 404, 406, 540].contains(error.code.rawValue) || error.code == .refusedLocally
        }
    }

    /// Of a run in which no job can start, for these reasons: what a person has to change in the file is named first, then
    /// what takes a permission.
    package static func of(_ errors: [AMQPError]) -> ExitStatus {
        let statuses = errors.map { ExitStatus($0) }
        return [.configuration, .noPermission, .brokerUnavailable].first { statuses.contains($0) } ?? .abandoned
    }
}
