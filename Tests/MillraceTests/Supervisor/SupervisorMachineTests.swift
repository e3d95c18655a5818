import Millrace
import TestSupport
import Testing

@Suite struct SupervisorMachineTests {
    private static let second: UInt64 = 1_000_000_000

    private static func machine() -> SupervisorMachine {
        SupervisorMachine(shutdownTimeout: .seconds(25), killTimeout: .seconds(5))
    }

    @Test func `it drains when it is told to, and is over when all have ended`() {
        var machine = Self.machine()
        #expect(machine.look(workersHaveEnded: true, allHaveEnded: true, now: 0) == [], "it runs")
        #expect(machine.wake == nil)
        #expect(machine.stop(now: Self.second) == [.drain])
        #expect(!machine.isRunning)
        #expect(machine.wake == 26 * Self.second)
        #expect(machine.look(workersHaveEnded: false, allHaveEnded: false, now: 2 * Self.second) == [])
        #expect(machine.look(workersHaveEnded: true, allHaveEnded: false, now: 3 * Self.second) == [])
        #expect(machine.look(workersHaveEnded: true, allHaveEnded: true, now: 3 * Self.second) == [.finish])
        #expect(machine.look(workersHaveEnded: true, allHaveEnded: true, now: 4 * Self.second) == [])
        #expect(machine.wake == nil)
    }

    @Test func `handlers that go on are asked to end, and left in the end`() {
        var machine = Self.machine()
        #expect(machine.stop(now: 0) == [.drain])
        #expect(machine.look(workersHaveEnded: false, allHaveEnded: false, now: 25 * Self.second - 1) == [])
        #expect(machine.look(workersHaveEnded: false, allHaveEnded: false, now: 25 * Self.second) == [.askToEnd])
        #expect(machine.wake == 30 * Self.second)
        #expect(machine.look(workersHaveEnded: false, allHaveEnded: false, now: 26 * Self.second) == [], "once")
        #expect(machine.look(workersHaveEnded: false, allHaveEnded: false, now: 30 * Self.second) == [.finish])
        #expect(machine.stop(now: 31 * Self.second) == [])
    }

    @Test func `a thread that was asleep for long asks and leaves at once`() {
        var machine = Self.machine()
        #expect(machine.stop(now: 0) == [.drain])
        #expect(
            machine.look(workersHaveEnded: false, allHaveEnded: false, now: 60 * Self.second) == [.askToEnd, .finish]
        )
    }

    @Test func `at shutdown_timeout nobody waits for what no handler has`() {
        var machine = Self.machine()
        #expect(machine.stop(now: 0) == [.drain])
        #expect(machine.look(workersHaveEnded: true, allHaveEnded: false, now: 24 * Self.second) == [])
        #expect(machine.look(workersHaveEnded: true, allHaveEnded: false, now: 25 * Self.second) == [.finish])
    }

    @Test func `who is told twice does not wait`() {
        var machine = Self.machine()
        #expect(machine.stop(now: 0) == [.drain])
        #expect(machine.stop(now: 1) == [.askToEnd, .finish])
        var late = Self.machine()
        #expect(late.stop(now: 0) == [.drain])
        #expect(late.look(workersHaveEnded: false, allHaveEnded: false, now: 25 * Self.second) == [.askToEnd])
        #expect(late.stop(now: 26 * Self.second) == [.finish])
    }

    @Test func `the broker has what is left of the time for the end, and a moment at least`() {
        var machine = Self.machine()
        _ = machine.stop(now: 0)
        _ = machine.look(workersHaveEnded: true, allHaveEnded: true, now: Self.second)
        #expect(machine.closingTime(now: Self.second) == .seconds(5), "no more than is reasonable")
        #expect(machine.closingTime(now: 28 * Self.second) == .seconds(2))
        #expect(machine.closingTime(now: 30 * Self.second) == .milliseconds(250))
        #expect(machine.closingTime(now: 99 * Self.second) == .milliseconds(250))
        var hurried = Self.machine()
        _ = hurried.stop(now: 0)
        _ = hurried.stop(now: Self.second)
        #expect(hurried.closingTime(now: Self.second) == .milliseconds(250))
    }

    @Test func `when nothing is left it drains, once`() {
        var machine = Self.machine()
        #expect(machine.nothingLeft(now: 0) == [.drain])
        #expect(machine.nothingLeft(now: 1) == [])
        #expect(machine.stop(now: 2) == [.askToEnd, .finish], "somebody is in a hurry")
    }

    /// Whatever happens in whatever order, it ends by `shutdown_timeout` and `kill_timeout` after the first request, asks
    /// at most once and finishes once.
    @Test(arguments: 0..<200) func `every end is an end`(_ number: Int) {
        var seed = Seed(UInt64(number))
        var machine = Self.machine()
        var now: UInt64 = 0
        var done: [SupervisorMachine.Action] = []
        var began: UInt64?
        for _ in 0..<400 {
            let step = UInt64.random(in: 0...(2 * Self.second), using: &seed)
            now = machine.wake.map { min($0, now + step) } ?? now + step
            switch Int.random(in: 0..<20, using: &seed) {
            case 0: done += machine.stop(now: now)
            case 1: done += machine.nothingLeft(now: now)
            default:
                let workers = Int.random(in: 0..<40, using: &seed) == 0
                let all = workers && Bool.random(using: &seed)
                done += machine.look(workersHaveEnded: workers, allHaveEnded: all, now: now)
            }
            if began == nil, done.contains(.drain) { began = now }
            if let began, now >= began + 30 * Self.second {
                done += machine.look(workersHaveEnded: false, allHaveEnded: false, now: now)
                #expect(done.last == .finish)
            }
            if done.last == .finish { break }
        }
        #expect(done.first == .drain)
        #expect(done.last == .finish)
        #expect(done.count { $0 == .drain } == 1)
        #expect(done.count { $0 == .askToEnd } <= 1)
    }
}
