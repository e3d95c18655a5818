import Testing

/// Both sides close at every octet of a publish.
@Suite struct SimultaneousCloseTests {
    @Test(arguments: CloseCrossing.Order.allCases, CloseCrossing.Repeat.allCases)
    func
        `C25 C33 C35 C36 C38 C39 C40 C41 C54: closes at any octet of a publish: whole contents, one answer, then silence`(
            _ order: CloseCrossing.Order,
            _ again: CloseCrossing.Repeat
        ) throws
    {
        if order == .ours, again != .never { return }  // there is no close of theirs to repeat
        let octets = try CloseCrossing.content().count
        #expect(octets == 18 + 22 + 64 + 32)
        var runs = 0
        for closer in CloseCrossing.Closer.allCases {
            if order == .theirs, closer == .breaker { continue }
            for drainsBetween in [false, true] {
                for cut in 0...octets {
                    var crossing = CloseCrossing(order, again, closer, cut: cut, drainsBetween: drainsBetween)
                    try crossing.run()
                    runs += 1
                    if let failure = crossing.failures.first {
                        Issue.record("\(failure)")
                        return
                    }
                }
            }
        }
        #expect(runs >= 2 * (octets + 1))
    }
}
