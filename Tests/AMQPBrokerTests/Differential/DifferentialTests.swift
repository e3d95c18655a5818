import AMQPClient
import Differential
import Glibc
import Testing
import TestSupport

/// The same scripts for the embedded broker and for a RabbitMQ: what clients see is the same, channel by channel.
///
/// `MILLRACE_SCRIPTS` is how many, and without it none: they take a broker for themselves.
@Suite(
    .enabled(if: Broker.uri != nil && getenv("MILLRACE_SCRIPTS") != nil, "needs AMQP_URL and MILLRACE_SCRIPTS"),
    .timeLimit(.minutes(5))
)
struct DifferentialTests {
    private static let scripts = getenv("MILLRACE_SCRIPTS").flatMap { UInt64(String(cString: $0)) } ?? 100
    /// Side by side: most of the time a script waits.
    private static let lanes: UInt64 = 8

    private static func play(_ lane: UInt64) async throws -> DifferentialPlayer.Tally {
        try await OwnThread.run {
            let player = try DifferentialPlayer(port: UInt16(Broker.endpoint().port))
            for seed in stride(from: lane, to: Self.scripts, by: Int(Self.lanes)) { try player.play(seed) }
            return player.tally
        }
    }

    @Test func `clients see the same of both, channel by channel`() async throws {
        try await withThrowingTaskGroup(of: DifferentialPlayer.Tally.self) { group in
            for lane in 0..<Self.lanes { group.addTask { try await Self.play(lane) } }
            var scripts: UInt64 = 0
            for try await tally in group {
                #expect(tally.differences.isEmpty, "\(tally.differences.joined(separator: "\n\n"))")
                #expect(tally.steps > tally.scripts)
                scripts += UInt64(tally.scripts)
            }
            #expect(scripts == Self.scripts)
        }
    }
}
