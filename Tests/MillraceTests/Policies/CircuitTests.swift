import Millrace
import TestSupport
import Testing

@Suite struct CircuitTests {
    private static let second: UInt64 = 1_000_000_000
    private static let settings = CircuitSettings(failures: 3, within: .seconds(10), pause: .seconds(5))

    private static func held(_ circuit: Circuit) -> Circuit.Hold? {
        if case .held(let hold) = circuit.phase { hold } else { nil }
    }

    /// Held since second 2, until second 7.
    private static func tripped() -> Circuit {
        var circuit = Circuit(Self.settings)
        for second in 0...2 as ClosedRange<UInt64> { _ = circuit.failed("gone", epoch: 0, now: second * Self.second) }
        return circuit
    }

    @Test func `so many failures in the time hold the job, and name the last error`() {
        var circuit = Circuit(Self.settings)
        let first = circuit.failed("a", epoch: 0, now: 0)
        let second = circuit.failed("b", epoch: 0, now: Self.second)
        #expect(!first && !second && circuit.threads(of: 4) == 4)
        let third = circuit.failed("c", epoch: 0, now: 9 * Self.second)
        #expect(third && circuit.threads(of: 4) == 0 && circuit.isHeld)
        let hold = Self.held(circuit)
        #expect(hold?.cause == .failures(3, within: 10 * Self.second) && hold?.reason == "c")
        #expect(circuit.wake == 14 * Self.second)
        let late = circuit.failed("d", epoch: 0, now: 9 * Self.second)
        #expect(!late && Self.held(circuit)?.reason == "c", "what was in hand holds it no longer")
    }

    @Test func `failures that are further apart do not`() {
        var circuit = Circuit(Self.settings)
        for second in 0..<100 as Range<UInt64> {
            let isHeld = circuit.failed("x", epoch: 0, now: second * 5 * Self.second)
            #expect(!isHeld)
        }
    }

    @Test func `then one message at a time is tried, and three that go well let all threads work`() {
        var circuit = Self.tripped()
        let early = circuit.advance(now: 7 * Self.second - 1)
        #expect(!early)
        let isDue = circuit.advance(now: 7 * Self.second)
        #expect(isDue && circuit.threads(of: 4) == 1 && circuit.epoch == 1 && circuit.wake == nil)
        circuit.succeeded(epoch: 0)  // of a worker that had it in hand all the time
        for done in 0..<3 {
            #expect(circuit.threads(of: 4) == 1, "\(done)")
            circuit.succeeded(epoch: 1)
        }
        #expect(circuit.phase == .working && circuit.epoch == 2)
    }

    @Test func `each time that the first ones fail again it takes twice as long, up to a bound`() {
        var circuit = Self.tripped()
        var lengths: [UInt64] = []
        for _ in 0..<7 {
            let now = circuit.wake ?? 0
            _ = circuit.advance(now: now)
            let old = circuit.failed("old", epoch: circuit.epoch - 1, now: now)
            let new = circuit.failed("still gone", epoch: circuit.epoch, now: now)
            #expect(!old && new && Self.held(circuit)?.cause == .trial)
            lengths.append((Self.held(circuit)?.length ?? 0) / Self.second)
        }
        #expect(lengths == [10, 20, 40, 80, 80, 80, 80])
        _ = circuit.advance(now: circuit.wake ?? 0)
        for _ in 0..<3 { circuit.succeeded(epoch: circuit.epoch) }
        for _ in 0..<3 { _ = circuit.failed("again", epoch: circuit.epoch, now: 10_000 * Self.second) }
        #expect(Self.held(circuit)?.length == 5 * Self.second, "after a success it begins anew")
    }

    @Test func `the bound is an hour, unless the first pause is longer`() {
        func longest(_ pause: Duration) -> Duration {
            CircuitSettings(failures: 1, within: .seconds(1), pause: pause).longestPause
        }
        #expect(longest(.seconds(30)) == .seconds(480))
        #expect(longest(.seconds(600)) == .seconds(3600))
        #expect(longest(.seconds(7200)) == .seconds(7200))
    }

    @Test func `a trial with a success and without a failure ends after as long as it was held`() {
        var circuit = Self.tripped()
        _ = circuit.advance(now: 7 * Self.second)
        let early = circuit.advance(now: 100 * Self.second)
        #expect(!early, "nothing has come")
        circuit.succeeded(epoch: 1)
        #expect(circuit.wake == 12 * Self.second)
        let isDue = circuit.advance(now: 12 * Self.second)
        #expect(isDue && circuit.phase == .working)
    }

    @Test func `a handler holds it without a circuit too; the later end counts`() {
        var circuit = Circuit(nil)
        for _ in 0..<1000 {
            let isHeld = circuit.failed("x", epoch: 0, now: 0)
            #expect(!isHeld)
        }
        let first = circuit.hold(for: 30 * Self.second, reason: "429", now: 0)
        let second = circuit.hold(for: 10 * Self.second, reason: "429, soon", now: Self.second)
        #expect(first && !second && circuit.wake == 30 * Self.second)
        _ = circuit.hold(for: 60 * Self.second, reason: "429, late", now: 2 * Self.second)
        #expect(Self.held(circuit)?.reason == "429, late" && circuit.wake == 62 * Self.second)
        _ = circuit.advance(now: 62 * Self.second)
        // Without a circuit nobody asks how the first ones went.
        for _ in 0..<3 { _ = circuit.failed("x", epoch: 1, now: 62 * Self.second) }
        #expect(circuit.phase == .working)
    }

    @Test func `no hold is shorter than a millisecond or longer than a day`() {
        var circuit = Circuit(nil)
        _ = circuit.hold(for: 0, reason: "", now: 0)
        #expect(circuit.wake == 1_000_000)
        _ = circuit.hold(for: .max, reason: "", now: 0)
        #expect(circuit.wake == 86_400 * Self.second)
    }

    @Test func `an operator's resume ends it, and the failures before count no more`() {
        var circuit = Self.tripped()
        let isReleased = circuit.release()
        let again = circuit.release()
        #expect(isReleased && !again && circuit.phase == .working && circuit.epoch == 1)
        _ = circuit.failed("x", epoch: 1, now: 3 * Self.second)
        let second = circuit.failed("x", epoch: 1, now: 3 * Self.second)
        #expect(!second)
        let third = circuit.failed("x", epoch: 1, now: 3 * Self.second)
        #expect(third && Self.held(circuit)?.length == 5 * Self.second)
    }

    @Test func `a file without a circuit ends what a circuit held, not what a handler did`() {
        var circuit = Self.tripped()
        circuit.change(nil)
        #expect(circuit.phase == .working)
        _ = circuit.hold(for: Self.second, reason: "429", now: 0)
        circuit.change(Self.settings)
        circuit.change(nil)
        #expect(circuit.isHeld)
    }

    @Test func `random events never leave it held without an end, nor let an old worker decide`() {
        var random = Seed()
        for _ in 0..<300 {
            let pause = UInt64.random(in: 1...20, using: &random)
            var circuit = Circuit(
                Bool.random(using: &random)
                    ? CircuitSettings(
                        failures: Int.random(in: 1...5, using: &random),
                        within: .seconds(Int64.random(in: 1...10, using: &random)),
                        pause: .seconds(Int64(pause))
                    ) : nil
            )
            var now: UInt64 = 0
            for _ in 0..<200 {
                now += UInt64.random(in: 0...(3 * Self.second), using: &random)
                let before = circuit
                let isOld = Bool.random(using: &random)
                let epoch = circuit.epoch - (isOld ? 1 : 0)
                switch Int.random(in: 0..<8, using: &random) {
                case 0, 1, 2:
                    let isHeld = circuit.failed("x", epoch: epoch, now: now)
                    #expect(isHeld == (!before.isHeld && circuit.isHeld), "MILLRACE_SEED=\(random.value)")
                    if isOld { #expect(circuit == before, "MILLRACE_SEED=\(random.value)") }
                case 3, 4:
                    circuit.succeeded(epoch: epoch)
                    if isOld || before.isHeld { #expect(circuit == before, "MILLRACE_SEED=\(random.value)") }
                case 5:
                    _ = circuit.hold(
                        for: UInt64.random(in: 0...(9 * Self.second), using: &random),
                        reason: "",
                        now: now
                    )
                    #expect(circuit.isHeld, "MILLRACE_SEED=\(random.value)")
                case 6: _ = circuit.advance(now: now)
                default: if Int.random(in: 0..<10, using: &random) == 0 { _ = circuit.release() }
                }
                // Who begins anew has a new number, so that others are told apart.
                if circuit.threads(of: 4) > before.threads(of: 4) {
                    #expect(circuit.epoch == before.epoch + 1, "MILLRACE_SEED=\(random.value)")
                }
                if let hold = Self.held(circuit) {
                    #expect(hold.length <= 16 * pause * Self.second + 9 * Self.second, "MILLRACE_SEED=\(random.value)")
                    #expect(circuit.wake == hold.until, "MILLRACE_SEED=\(random.value)")
                }
            }
        }
    }
}
