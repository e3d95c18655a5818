import Millrace
import Testing

@Suite struct JobCountsTests {
    /// A count that is not in the list would be in no report.
    @Test func `the list has every count`() {
        let counts = JobCounts()
        #expect(counts.all.count == Mirror(reflecting: counts).children.count)
        #expect(Set(counts.all.map(\.name)).count == counts.all.count)
    }
}
