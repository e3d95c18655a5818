/// How long a declaration may be without an answer before the others go on without it.
///
/// RabbitMQ 4.3 gives none about a classic queue for as long as its node is down and more than a minute: each that is
/// without one shortens the patience for the next, so that many of them cost the others little more than one.
package struct DeclarePatience: Sendable, Equatable {
    /// For the next answer.
    package private(set) var current: Duration
    private let least: Duration

    package init(first: Duration = .seconds(1), least: Duration = .milliseconds(50)) {
        self.current = first
        self.least = least
    }

    package mutating func unanswered() { self.current = max(self.current / 2, self.least) }
}
