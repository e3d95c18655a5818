import AMQPCore
import Testing
import TestSupport

/// The whole client without its socket, in random interleavings with a strict broker.
@Suite struct InterleavingTests {
    private static let runs = 400
    private static let steps = 3000

    @Test
    func
        `C25 C31 C33 C34 C35 C36 C37 C38 C39 C40 C41 C45 C48 C49 C53 C54 C59 C62 C64: any interleaving keeps the channel rules`()
        throws
    {
        var seeds = Seed()
        let first = seeds.value
        print("interleavings: MILLRACE_SEED=\(first)")
        var total: [String: Int] = [:]
        for run in 0..<Self.runs {
            let seed = run == 0 ? first : seeds.next()
            let simulation = Simulation(seed: seed)
            try simulation.run(steps: Self.steps)
            if let violation = simulation.violations.first {
                Issue.record(
                    "\(violation)\nMILLRACE_SEED=\(seed) replays it as the first run; its last steps: \(simulation.trace.suffix(12))"
                )
                return
            }
            total.merge(simulation.tally) { $0 + $1 }
        }
        print(
            "interleavings:",
            total.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        )
        // The steps reach what they are for.
        for kind in Self.kinds { #expect(total[kind, default: 0] > 0, "\(kind), MILLRACE_SEED=\(first)") }
        #expect(total["life", default: 0] > Self.runs * 4)
        #expect(total["delivery", default: 0] > Self.runs * 2)
    }

    private static let kinds = [
        "life", "delivery", "publish", "publish, waited for room", "settled", "acks over several", "foreign ack",
        "get", "get, empty", "recover", "commit", "commit started", "rollback", "cancelled", "returned", "broken off",
        "broker's close", "broker's close, again", "crossed closes", "close-ok lost", "blocked or unblocked",
        "stray, next in the count",
        "stray, further on", "\(ConfirmVerdict.confirmed)", "\(ConfirmVerdict.refused)", "\(ConfirmVerdict.returned)",
        "\(ConfirmVerdict.unknown)",
    ]
}
