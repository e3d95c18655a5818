import Millrace
import Testing

@Suite struct RunLimitsTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `without limits it never ends`() {
        var limits = RunLimits()
        #expect(limits.look(settled: 1 << 40, inHand: 0, memory: nil, now: .max / 2) == nil)
        #expect(limits.wake(now: 1) == nil)
    }

    @Test func `after so many messages`() {
        var limits = RunLimits(messages: 10)
        #expect(limits.look(settled: 9, inHand: 5, memory: nil, now: 1) == nil)
        #expect(limits.look(settled: 10, inHand: 0, memory: nil, now: 1)?.contains("10 messages") == true)
    }

    @Test func `after a time, which begins with the first look`() {
        var limits = RunLimits(time: .seconds(60))
        let start = 7 * Self.second
        #expect(limits.look(settled: 0, inHand: 0, memory: nil, now: start) == nil)
        #expect(limits.wake(now: start) == start + 60 * Self.second)
        #expect(limits.look(settled: 0, inHand: 0, memory: nil, now: start + 60 * Self.second - 1) == nil)
        #expect(
            limits.look(settled: 0, inHand: 0, memory: nil, now: start + 60 * Self.second)?.contains("--max-time")
                == true
        )
    }

    @Test func `without work: what is in hand and what is done begins the time anew`() {
        var limits = RunLimits(idle: .seconds(10))
        #expect(limits.look(settled: 0, inHand: 0, memory: nil, now: Self.second) == nil)
        #expect(limits.look(settled: 0, inHand: 1, memory: nil, now: 9 * Self.second) == nil)
        #expect(limits.look(settled: 1, inHand: 0, memory: nil, now: 18 * Self.second) == nil)
        #expect(limits.look(settled: 1, inHand: 0, memory: nil, now: 27 * Self.second) == nil)
        #expect(limits.wake(now: 27 * Self.second) == 28 * Self.second)
        #expect(limits.look(settled: 1, inHand: 0, memory: nil, now: 28 * Self.second)?.contains("--max-idle") == true)
    }

    @Test func `by its memory, which nobody asks for else`() {
        var asked = 0
        func held(_ octets: Int?) -> Int? {
            asked += 1
            return octets
        }
        var unlimited = RunLimits(time: .seconds(1))
        _ = unlimited.look(settled: 0, inHand: 0, memory: held(1), now: 1)
        #expect(asked == 0)
        var limits = RunLimits(memory: 100 << 20)
        #expect(limits.look(settled: 0, inHand: 0, memory: held((100 << 20) - 1), now: 1) == nil)
        #expect(limits.look(settled: 0, inHand: 0, memory: held(nil), now: 1) == nil)
        #expect(
            limits.look(settled: 0, inHand: 0, memory: held(100 << 20), now: 1)
                == "the process holds 100 MiB: --max-memory"
        )
    }
}

@Suite struct ServiceNotesTests {
    @Test func `each state is told once, and a line when it is another`() {
        var notes = ServiceNotes()
        #expect(notes.look(hasStarted: false, isStopping: false, status: "connecting", now: 1) == ["STATUS=connecting"])
        #expect(notes.look(hasStarted: false, isStopping: false, status: "connecting", now: 2) == [])
        #expect(
            notes.look(hasStarted: true, isStopping: false, status: "2 jobs", now: 3) == ["READY=1", "STATUS=2 jobs"]
        )
        #expect(notes.look(hasStarted: false, isStopping: false, status: "lost", now: 4) == ["STATUS=lost"])
        #expect(notes.look(hasStarted: true, isStopping: false, status: "lost", now: 5) == [], "it was ready before")
        #expect(notes.look(hasStarted: true, isStopping: true, status: "lost", now: 6) == ["STOPPING=1"])
        #expect(notes.look(hasStarted: true, isStopping: true, status: "lost", now: 7) == [])
    }

    @Test func `signs of life come twice as often as they have to`() {
        var notes = ServiceNotes(watchdogMicroseconds: 2_000_000)
        var signs = 0
        for tenth in 1...100 {
            let lines = notes.look(hasStarted: false, isStopping: false, status: "", now: UInt64(tenth) * 100_000_000)
            signs += lines.count { $0 == "WATCHDOG=1" }
        }
        #expect(signs == 10)
    }
}
