import AMQPCore
import Testing

@Suite struct ProcessRandomTests {
    @Test
    func `it has an address where it is passed inout, without which the thread sanitizer sees races that are none`() {
        #expect(MemoryLayout<ProcessRandom>.size > 0)
    }

    @Test func `numbers differ, and shares are below 1`() {
        var generator = ProcessRandom()
        #expect(Set((0..<100).map { _ in generator.next() }).count == 100)
        #expect((0..<1000).allSatisfy { _ in (0..<1).contains(ProcessRandom.share()) })
    }
}
