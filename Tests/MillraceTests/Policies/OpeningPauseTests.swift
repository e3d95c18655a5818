import Millrace
import Testing

/// How often a channel that ends again and again is opened, without a clock.
@Suite struct OpeningPauseTests {
    private static let ms: UInt64 = 1_000_000

    @Test func `the first end costs no time, and each that follows twice as much, up to 5 s`() {
        var pause = OpeningPause()
        var now: UInt64 = 1
        #expect(pause.mayOpenAt(now: now) == nil)
        pause.ended(now: now)
        #expect(pause.mayOpenAt(now: now) == nil)
        for wait: UInt64 in [20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000] {
            pause.ended(now: now)
            #expect(pause.mayOpenAt(now: now) == now + wait * Self.ms)
            now += wait * Self.ms
            #expect(pause.mayOpenAt(now: now) == nil)
        }
        for _ in 0..<100 { pause.ended(now: now) }
        #expect(pause.mayOpenAt(now: now) == now + 5000 * Self.ms)
    }

    @Test func `a channel on which the broker took something was no failure`() {
        var pause = OpeningPause()
        for _ in 0..<5 { pause.ended(now: 0) }
        pause.worked()
        #expect(pause == OpeningPause())
        pause.ended(now: 0)
        #expect(pause.mayOpenAt(now: 0) == nil)
    }
}
