import TestSupport
import Testing

/// The built `millrace` over jobs of every kind, while everything is killed at random.
///
/// The variables of ``ChaosSettings`` say for how long and how (`ops/chaos` sets them), `MILLRACE_SEED` repeats the
/// choices.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && ExampleFile.isBuilt, "needs AMQP_URL and a debug build; ops/test has both"),
    .timeLimit(.minutes(1440))
)
struct ChaosTests {
    @Test func `random kills of everything: every message is in a queue, in a hand, or settled`() throws {
        let chaos = try Chaos(ChaosSettings(), Seed())
        defer { chaos.stop() }
        try chaos.run()
    }
}
