extension Seed {
    /// What to set to run the same again, for the comment of an expectation.
    package var replay: String { "MILLRACE_SEED=\(self.value)" }
}
