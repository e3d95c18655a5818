import TestSupport
import Testing

@testable import MillraceCLI

@Suite struct OutputBacklogTests {
    private static func line(_ number: Int, _ count: Int = 10) -> [UInt8] {
        [UInt8](repeating: UInt8(number), count: count)
    }

    @Test func `lines go in their order, in parts as they are taken`() {
        var backlog = OutputBacklog(limit: 100)
        #expect(backlog.isEmpty && backlog.next.isEmpty)
        backlog.offer(Self.line(1))
        backlog.offer(Self.line(2))
        backlog.wrote(4)
        #expect(Array(backlog.next) == Self.line(1, 6))
        backlog.wrote(6)
        #expect(Array(backlog.next) == Self.line(2))
        backlog.wrote(10)
        #expect(backlog.isEmpty && backlog.next.isEmpty)
        let dropped1 = backlog.takeDropped()
        #expect(dropped1 == 0)
    }

    @Test func `what finds no room is dropped, and all behind it, until everything before has gone`() {
        var backlog = OutputBacklog(limit: 25)
        for number in 1...4 { backlog.offer(Self.line(number)) }
        #expect(backlog.dropped == 2)
        backlog.wrote(10)
        backlog.offer(Self.line(5))  // there is room, but the gap is before it
        #expect(backlog.dropped == 3)
        let dropped2 = backlog.takeDropped()
        #expect(dropped2 == 0, "the second has not gone")
        backlog.wrote(10)
        let dropped3 = backlog.takeDropped()
        #expect(dropped3 == 3)
        let dropped4 = backlog.takeDropped()
        #expect(dropped4 == 0)
        backlog.offer(Self.line(6))
        #expect(Array(backlog.next) == Self.line(6))
    }

    @Test func `what can not be written is missing, and so is what the line about that stands for`() {
        var backlog = OutputBacklog(limit: 25)
        for number in 1...3 { backlog.offer(Self.line(number)) }
        backlog.wrote(4)
        backlog.fail()
        #expect(backlog.isEmpty && backlog.dropped == 3)
        let missing = backlog.takeDropped()
        #expect(missing == 3)
        backlog.offer(Self.line(9), weight: missing)
        backlog.fail()
        #expect(backlog.dropped == 3)
        backlog.offer(Self.line(4))
        #expect(backlog.dropped == 4)
    }

    @Test func `random lines and writes: order, count and bound hold`() {
        for seed in UInt64(1)...200 {
            var generator = Seed(seed)
            var backlog = OutputBacklog(limit: 64)
            var (offered, missing, waiting) = (0, 0, 0)
            var written: [UInt8] = []
            for _ in 0..<300 {
                if Bool.random(using: &generator) {
                    let before = backlog.dropped
                    let count = Int.random(in: 1...20, using: &generator)
                    backlog.offer(Self.line(offered % 251, count))
                    offered += 1
                    if backlog.dropped == before { waiting += count }
                } else {
                    let part = backlog.next.prefix(Int.random(in: 1...20, using: &generator))
                    written += part
                    waiting -= part.count
                    if !part.isEmpty { backlog.wrote(part.count) }
                    missing += backlog.takeDropped()
                }
                #expect((0...64).contains(waiting))
                #expect(backlog.isEmpty == (waiting == 0))
            }
            var kinds = 0
            for (index, octet) in written.enumerated() where index == 0 || written[index - 1] != octet { kinds += 1 }
            #expect(kinds + missing + backlog.dropped <= offered)
            #expect(waiting > 0 || kinds + missing + backlog.dropped == offered)
        }
    }

    @Test func `what has gone is not missing when the rest can not be written`() {
        var backlog = OutputBacklog(limit: 100)
        for number in 1...3 { backlog.offer(Self.line(number)) }
        backlog.wrote(10)
        backlog.fail()
        #expect(backlog.dropped == 2)
    }

    @Test func `after a failure there is room again`() {
        var backlog = OutputBacklog(limit: 25)
        for _ in 0..<5 {
            for number in 1...2 { backlog.offer(Self.line(number)) }
            #expect(backlog.dropped == 0)
            backlog.fail()
            #expect(backlog.takeDropped() == 2)
        }
    }
}
