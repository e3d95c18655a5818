import Millrace
import Testing

/// "Connected, but nothing consumes", found without a clock.
@Suite struct ConsumerWatchTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `a worker without a consumer is told once per limit, and overdue until it consumes`() {
        var watch = ConsumerWatch<Int>(limit: .seconds(30))
        #expect(watch.look(now: 0, isConnected: true, idle: [1, 2]) == [])
        #expect(watch.look(now: 29 * Self.second, isConnected: true, idle: [1, 2]) == [])
        #expect(watch.overdue == [])
        #expect(watch.look(now: 30 * Self.second, isConnected: true, idle: [1, 2]) == [1, 2])
        #expect(watch.look(now: 31 * Self.second, isConnected: true, idle: [2]) == [])
        #expect(watch.overdue == [2])
        #expect(watch.look(now: 60 * Self.second, isConnected: true, idle: [2]) == [2])
        #expect(watch.look(now: 61 * Self.second, isConnected: true, idle: []) == [])
        #expect(watch.overdue == [])
    }

    @Test func `a worker that consumed in between has its whole time again`() {
        var watch = ConsumerWatch<Int>(limit: .seconds(30))
        #expect(watch.look(now: 0, isConnected: true, idle: [1]) == [])
        #expect(watch.look(now: 20 * Self.second, isConnected: true, idle: []) == [])
        #expect(watch.look(now: 25 * Self.second, isConnected: true, idle: [1]) == [])
        #expect(watch.look(now: 54 * Self.second, isConnected: true, idle: [1]) == [])
        #expect(watch.look(now: 55 * Self.second, isConnected: true, idle: [1]) == [1])
    }

    @Test func `without a connection no worker is to blame, and its time starts with the next one`() {
        var watch = ConsumerWatch<Int>(limit: .seconds(30))
        #expect(watch.look(now: 0, isConnected: true, idle: [1]) == [])
        #expect(watch.look(now: 31 * Self.second, isConnected: false, idle: [1]) == [])
        #expect(watch.overdue == [])
        #expect(watch.look(now: 40 * Self.second, isConnected: true, idle: [1]) == [])
        #expect(watch.look(now: 69 * Self.second, isConnected: true, idle: [1]) == [])
        #expect(watch.look(now: 70 * Self.second, isConnected: true, idle: [1]) == [1])
    }
}
