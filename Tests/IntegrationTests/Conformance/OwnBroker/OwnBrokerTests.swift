import TestSupport
import Testing

/// What needs a broker of its own: settings and commands that would disturb every other test.
///
/// One suite at a time, since each changes the broker for the others.
@Suite(
    .enabled(if: OwnBroker.isThere, "needs MILLRACE_RABBITMQ; ops/test sets it"),
    .serialized,
    .timeLimit(.minutes(10)),
    .ownBroker
)
enum OwnBrokerTests {
    /// A rig on the suite's broker.
    static func run(_ body: @Sendable (Rig, OwnBroker.Node) throws -> Void) async throws {
        let node = try OwnBroker.node()
        try await Rig.run(on: node.endpoint) { try body($0, node) }
    }
}
