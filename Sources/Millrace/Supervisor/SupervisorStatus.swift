/// A supervisor as it stands at one moment: what tables, reports, readiness and exit status show is in here, and nowhere
/// else.
public struct SupervisorStatus: Sendable {
    /// Where a connection stands.
    public enum Connection: Sendable, Equatable {
        case up
        /// The broker reads nothing from it, acks included, until an alarm of its own ends.
        case blocked
        /// There is none, for this reason as far as is known.
        case missing(String?)
    }

    /// Whether it ends.
    public let isDraining: Bool
    /// The connection that jobs consume on.
    public let connection: Connection
    /// The connection that outputs go out on, if they have one of their own.
    public let outputs: Connection?
    /// The jobs, in the order of their file.
    public let jobs: [JobStatus]

    package init(isDraining: Bool, connection: Connection, outputs: Connection?, jobs: [JobStatus]) {
        self.isDraining = isDraining
        self.connection = connection
        self.outputs = outputs
        self.jobs = jobs
    }

    /// Whether there is a connection and every job consumes, with every worker but those that only just lost their
    /// channel.
    public var readiness: Readiness {
        var reasons: [String] = []
        if self.isDraining { reasons.append("draining") }
        switch self.connection {
        case .up: break
        case .blocked: reasons.append("the broker blocks the connection: it reads nothing, acks included")
        case .missing(let reason): reasons.append(Self.line("no connection to the broker", reason))
        }
        switch self.outputs {
        case nil, .up?: break
        case .blocked?: reasons.append("the broker blocks the connection for outputs")
        case .missing(let reason)?: reasons.append(Self.line("no connection for outputs", reason))
        }
        return Readiness(reasons: reasons + self.jobs.compactMap(\.shortfall))
    }

    static func line(_ what: String, _ reason: String?) -> String { reason.map { "\(what): \($0)" } ?? what }

    /// Whether any job can not run.
    public var hasFailedJobs: Bool { self.jobs.contains(where: \.hasFailed) }
}

/// Whether every job does its work, for whoever routes traffic or rolls out the next version.
public struct Readiness: Sendable, Equatable {
    /// What is missing, a line each, for people; empty if nothing is.
    public let reasons: [String]
    /// Whether nothing is missing.
    public var isReady: Bool { self.reasons.isEmpty }
}
