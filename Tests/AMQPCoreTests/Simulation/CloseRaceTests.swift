import AMQPCore
import TestSupport
import Testing

/// Threads append to channels that others close.
@Suite struct CloseRaceTests {
    private static let owners = 3
    /// Enough for a check and an append under two locks, with nothing between them, to be caught.
    private static let lives = 2000

    @Test
    func `C25 C33 C35 C36 C39 C54: publishes and acks of many threads race with closes from three sides`() throws {
        var seeds = Seed()
        print("race of append and close: \(seeds.replay)")
        let transport = SharedTransport()
        let outbox = Outbox(transport: transport, highWater: 64 * 1024)
        let race = CloseRace(outbox: outbox)
        let peerSeed = seeds.next()
        // A life ends by its owner, by the breaker, or by the broker: two numbers per owner are enough.
        let peer = try WorkerThread.start(name: "peer") {
            race.serve(transport, channelMax: UInt16(2 * Self.owners), seed: peerSeed)
        }
        let breaker = try WorkerThread.start(name: "breaker") { race.breakChannels() }
        let owners = try (0..<Self.owners).map { index in
            let seed = seeds.next()
            return try WorkerThread.start(name: "owner-\(index)") { race.own(lives: Self.lives, seed: seed) }
        }
        for owner in owners { owner.join() }
        race.finish()
        breaker.join()
        transport.finish()
        peer.join()
        let outcome = race.outcome
        #expect(outcome.failures.isEmpty, "\(outcome.failures.prefix(3)), \(seeds.replay)")
        #expect(outcome.lives == Self.owners * Self.lives)
        #expect(outcome.publishes > outcome.lives)
        #expect(outcome.acks > 0)
        // Every side was first at times.
        #expect(outcome.endedByBroker > 0 && outcome.endedByOwner > 0 && outcome.endedByBreaker > 0, "\(outcome)")
    }
}
