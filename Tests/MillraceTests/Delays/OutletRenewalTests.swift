import Millrace
import Testing

@Suite struct OutletRenewalTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `it is replaced when what is on its way is answered`() {
        var renewal = OutletRenewal()
        #expect(renewal.step(sent: 3, now: 0) == .goOn)
        renewal.suspect(now: 5)
        #expect(renewal.step(sent: 3, now: 5) == .wait(until: 5 + OutletRenewal.patience))
        #expect(renewal.step(sent: 0, now: 6) == .renew)
        #expect(renewal.step(sent: 0, now: 7) == .goOn)
    }

    @Test func `a queue that answers nothing does not keep it`() {
        var renewal = OutletRenewal()
        renewal.suspect(now: 0)
        renewal.suspect(now: 900_000_000)
        #expect(renewal.step(sent: 1, now: OutletRenewal.patience) == .renew)
    }

    @Test func `many homes in trouble cost one channel a second`() {
        var renewal = OutletRenewal()
        var renewals = 0
        for now in stride(from: 0, to: 10 * Self.second, by: 10_000_000) {
            renewal.suspect(now: now)
            if renewal.step(sent: 0, now: now) == .renew { renewals += 1 }
        }
        #expect(renewals == 10)
    }
}
