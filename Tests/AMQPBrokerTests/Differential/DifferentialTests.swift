import AMQPClient
import Differential
import Glibc
import Testing
import TestSupport

/// The same scripts for the embedded broker and for a RabbitMQ: what clients see is the same, channel by channel.
///
/// `MILLRACE_SCRIPTS` is how many, and without it none: not every difference is mended yet.
@Suite(
    .enabled(if: Broker.uri != nil && getenv("MILLRACE_SCRIPTS") != nil, "needs AMQP_URL and MILLRACE_SCRIPTS"),
    .timeLimit(.minutes(5))
)
struct DifferentialTests {
    private static let scripts = getenv("MILLRACE_SCRIPTS").flatMap { UInt64(String(cString: $0)) } ?? 100

    @Test func `clients see the same of both, channel by channel`() async throws {
        let tally = try await OwnThread.run {
            let player = try DifferentialPlayer(port: UInt16(Broker.endpoint().port))
            for seed in 0..<Self.scripts { try player.play(seed) }
            return player.tally
        }
        #expect(tally.differences.isEmpty, "\(tally.differences.joined(separator: "\n\n"))")
        #expect(tally.scripts == Int(Self.scripts) && tally.steps > tally.scripts)
    }
}
