import AMQPCore
import Testing

/// When which address of a name is tried; times are milliseconds.
@Suite struct AddressPlanTests {
    private static func ms(_ time: UInt64) -> UInt64 { time * 1_000_000 }
    private static func error(_ code: AMQPError.Code) -> AMQPError {
        AMQPError(code, scope: .connection, text: "\(code)")
    }
    private static let refused = error(.connectionLost)
    private static let silent = error(.timeout)

    private static func plan(_ count: Int) -> AddressPlan {
        AddressPlan(count: count, now: 0, deadline: Self.ms(10_000))
    }

    @Test func `one address has all the time there is, and its failure is the verdict`() {
        var plan = Self.plan(1)
        #expect(plan.step(now: 0) == .start(0))
        #expect(plan.step(now: 0) == .wait(until: nil))
        plan.connected(0, now: Self.ms(1))
        #expect(plan.step(now: Self.ms(9999)) == .wait(until: nil))
        plan.failed(0, Self.silent)
        #expect(plan.step(now: Self.ms(10_000)) == .fail(Self.silent))
    }

    @Test func `where TCP answers the next one starts after a share of the time, beside it`() {
        var plan = Self.plan(4)
        #expect(plan.step(now: 0) == .start(0))
        plan.connected(0, now: Self.ms(3))
        #expect(plan.step(now: Self.ms(3)) == .wait(until: Self.ms(2503)))
        #expect(plan.step(now: Self.ms(2503)) == .start(1))
    }

    @Test func `where TCP does not answer it starts soon`() {
        var plan = Self.plan(2)
        #expect(plan.step(now: 0) == .start(0))
        #expect(plan.step(now: 0) == .wait(until: AddressPlan.tcpPatience))
        #expect(plan.step(now: AddressPlan.tcpPatience) == .start(1))
        #expect(plan.step(now: Self.ms(9000)) == .wait(until: nil))
    }

    @Test func `a failure starts the next at once, also while others are under way`() {
        var plan = Self.plan(3)
        #expect(plan.step(now: 0) == .start(0))
        plan.failed(0, Self.refused)
        #expect(plan.step(now: 1) == .start(1))
        plan.connected(1, now: 2)
        #expect(plan.step(now: Self.ms(4000)) == .start(2))
        plan.connected(1, now: Self.ms(4000))  // of no meaning for the one after it
        #expect(plan.step(now: Self.ms(4001)) == .wait(until: nil))
    }

    @Test func `the verdict is the most telling failure, wherever it stood`() {
        let login = Self.error(.authenticationFailed)
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            var plan = Self.plan(3)
            for index in 0..<3 {
                #expect(plan.step(now: Self.ms(UInt64(index) * 4000)) == .start(index))
                if order[index] > 0 { plan.connected(index, now: Self.ms(UInt64(index) * 4000)) }
            }
            for index in 0..<3 { plan.failed(index, [Self.refused, Self.silent, login][order[index]]) }
            plan.failed(0, Self.refused)  // told twice
            #expect(plan.step(now: Self.ms(9000)) == .fail(login))
        }
    }

    @Test func `a deadline that has passed still gives each address a try`() {
        var plan = AddressPlan(count: 2, now: 5, deadline: 1)
        #expect(plan.step(now: 5) == .start(0))
        #expect(plan.step(now: 5) == .start(1))
    }

    @Test func `an older address that answers late puts the next one off no longer`() {
        var plan = Self.plan(4)
        #expect(plan.step(now: 0) == .start(0))
        #expect(plan.step(now: Self.ms(250)) == .start(1))
        plan.connected(0, now: Self.ms(300))
        #expect(plan.step(now: Self.ms(500)) == .start(2))
    }

    @Test func `a failure beside another address that is under way makes the next one due, once`() {
        var plan = Self.plan(4)
        #expect(plan.step(now: 0) == .start(0))
        #expect(plan.step(now: Self.ms(250)) == .start(1))
        plan.connected(1, now: Self.ms(251))
        #expect(plan.step(now: Self.ms(252)) == .wait(until: Self.ms(2751)))
        plan.failed(0, Self.refused)
        #expect(plan.step(now: Self.ms(252)) == .start(2))
        plan.connected(2, now: Self.ms(253))
        plan.failed(0, Self.refused)  // told twice
        #expect(plan.step(now: Self.ms(254)) == .wait(until: Self.ms(2753)))
    }
}
