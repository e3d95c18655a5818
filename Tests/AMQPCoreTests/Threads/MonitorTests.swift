import AMQPCore
import Testing

@Suite struct MonitorTests {
    private struct Secret: ~Copyable { var value = 1 }

    @Test func `a monitor does not show its state to who has not the lock`() {
        let monitor = Monitor(Secret())
        #expect(Mirror(reflecting: monitor).children.isEmpty)
        // The whole of what a failed expectation about a channel shows.
        var text = ""
        dump(AckLine(number: 1), to: &text)
        #expect(!text.contains("tags"))
    }

    @Test func `locks are taken from the outermost to the innermost, one or several of them`() {
        let (outer, middle, inner) = (Monitor(1, level: .outermost), Monitor(2, level: .acks), Monitor(3))
        let sum = outer.withLock { a in middle.withLock { b in inner.withLock { a + b + $0 } } }
        #expect(sum == 6)
        #expect(outer.withLock { a in inner.withLock { a + $0 } } == 4)
        #expect(inner.wait(until: 0) { $0 } == 3)
    }

    #if DEBUG
        @Test(arguments: [LockLevel.outermost, .acks, .outbox, .innermost])
        func `a lock that is taken against the order ends a debug build`(_ level: LockLevel) async {
            await #expect(processExitsWith: .failure) { [raw = level.rawValue as UInt8] in
                let level = LockLevel(rawValue: raw) ?? .innermost
                let (held, taken) = (Monitor(1, level: level), Monitor(2, level: level))
                held.withLock { _ in taken.withLock { _ in } }
            }
        }

        @Test func `who holds a lock waits for no other's condition`() async {
            await #expect(processExitsWith: .failure) {
                let (held, awaited) = (Monitor(1, level: .outermost), Monitor(2))
                held.withLock { _ in _ = awaited.wait(until: 0) { _ in true } }
            }
        }
    #endif
}
