import AMQPClient

/// What of a topology is declared, by name, and which of it is under way.
struct DeclaringPlan {
    /// What ends a connection is left out.
    var condemned: [String: AMQPError] = [:]
    /// Nil for everything.
    var only: String?
    /// What had no answer yet when the connection ended.
    private(set) var underWay: String?

    /// What is to be done about an entry.
    enum Step { case declare, skip, fail(AMQPError) }
    mutating func begin(_ name: String) -> Step {
        if let error = self.condemned[name] { return .fail(error) }
        if let only, only != name { return .skip }
        self.underWay = name
        return .declare
    }

    mutating func finished() { self.underWay = nil }
}
