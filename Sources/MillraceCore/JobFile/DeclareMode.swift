/// What is done about a queue or an exchange before the jobs start.
public enum DeclareMode: String, Sendable, Equatable, CaseIterable {
    /// It is declared: made if it is not there.
    case active
    /// It must be there.
    case passive
    /// Nothing.
    case none
}

/// What a job does when its queue, which the file does not declare, is not there (404).
public enum MissingQueueAction: String, Sendable, Equatable, CaseIterable {
    /// At the first start the job fails, the others run.
    case fail
    /// It waits and looks again, with growing waits.
    case retry
}
