import Millrace
import Testing

@Suite struct DeclarePatienceTests {
    @Test func `a hundred without an answer cost little more than one`() {
        var patience = DeclarePatience()
        var waits: [Duration] = []
        for _ in 0..<100 {
            waits.append(patience.current)
            patience.unanswered()
        }
        let milliseconds = waits.map { $0 / .milliseconds(1) }
        #expect(Array(milliseconds[..<6]) == [1000, 500, 250, 125, 62.5, 50])
        #expect(waits[5...].allSatisfy { $0 == .milliseconds(50) })
        #expect(waits.reduce(.zero, +) < .seconds(7))
    }
}
