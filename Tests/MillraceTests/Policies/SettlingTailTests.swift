import Millrace
import Testing

/// When a channel may close behind its settlements, without a clock.
@Suite struct SettlingTailTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `a few frames need no pause`() {
        var tail = SettlingTail(frames: 1000)
        #expect(tail.mayCloseAt == nil)
        tail.look(frames: 1024, now: 5)
        #expect(tail.mayCloseAt == nil)
    }

    @Test func `many frames at once need one`() {
        var tail = SettlingTail(frames: 1000)
        tail.look(frames: 1025, now: 5)
        #expect(tail.mayCloseAt == 5 + Self.second)
        tail.look(frames: 1025, now: 5 + Self.second)
        #expect(tail.mayCloseAt == nil)
    }

    @Test func `a few frames behind many wait for the many`() {
        var tail = SettlingTail(frames: 0)
        tail.look(frames: 500, now: 10)
        tail.look(frames: 510, now: Self.second)
        #expect(tail.mayCloseAt == 10 + Self.second)
        tail.look(frames: 520, now: 10 + Self.second)
        #expect(tail.mayCloseAt == nil)
        // 25 frames of the last second, 15 of them too new.
        tail.look(frames: 525, now: 20 + Self.second)
        #expect(tail.mayCloseAt == 2 * Self.second)
    }
}
