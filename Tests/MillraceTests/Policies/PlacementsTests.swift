import AMQPClient
import Millrace
import TestSupport
import Testing

/// Which inputs the broker has everything of, by what was said and what lies unread.
@Suite struct PlacementsTests {
    private func tags(_ placements: Placements) -> [UInt64] { placements.placed.map(\.tag) }

    @Test func `an input is placed once all of its outputs are confirmed, read or unread`() {
        var placements = Placements()
        placements.published(.outputs, 1, for: 7, .ack, begins: 2)
        placements.published(.outputs, 2, for: 8, .ack, begins: 1)
        placements.published(.outputs, 3, for: 7, .ack, begins: nil)
        placements.answered(.outputs, 1, .confirmed)
        #expect(self.tags(placements) == [])
        placements.heard(.outputs, [.confirm(tag: 3, multiple: false, positive: true)])
        #expect(placements.placed == [Placements.Placed(tag: 7, settlement: .ack)])
        placements.settled(7)
        placements.heard(.outputs, [.confirm(tag: 0, multiple: true, positive: true)])
        #expect(self.tags(placements) == [8])
    }

    @Test func `refused, returned and unknown are not placed`() {
        var placements = Placements()
        for tag in UInt64(1)...6 { placements.published(.outputs, tag, for: tag, .ack, begins: 1) }
        placements.heard(
            .outputs,
            [
                .confirm(tag: 2, multiple: true, positive: false), .returned(3),
                .confirm(tag: 3, multiple: false, positive: true), .confirm(tag: 4, multiple: false, positive: false),
                .confirm(tag: 5, multiple: true, positive: true),
            ]
        )
        #expect(self.tags(placements) == [5])
        var others = placements
        others.heard(.outputs, [.returned(nil), .confirm(tag: 6, multiple: true, positive: true)])
        #expect(self.tags(others) == [5])
        placements.answered(.outputs, 6, .unknown)
        #expect(self.tags(placements) == [5])
    }

    @Test func `outputs and copies have numbers of their own; a commit is for what was before it`() {
        var placements = Placements()
        placements.published(.outputs, 1, for: 1, .ack, begins: 1)
        placements.published(.copies, 1, for: 2, .retried, begins: 1)
        placements.committing(upTo: 1)
        placements.published(.outputs, 2, for: 3, .ack, begins: 1)
        var committed = placements
        committed.heard(.outputs, [.committed])
        #expect(self.tags(committed) == [1])
        placements.heard(.copies, [.confirm(tag: 1, multiple: false, positive: true)])
        #expect(placements.placed == [Placements.Placed(tag: 2, settlement: .retried)])
    }

    @Test func `what was published for the same input before does not count for what is published now`() {
        var placements = Placements()
        placements.published(.outputs, 1, for: 1, .ack, begins: 2)
        // One of the outputs can not be published: a copy of the input goes out instead.
        placements.published(.copies, 1, for: 1, .retried, begins: 1)
        placements.heard(.outputs, [.confirm(tag: 1, multiple: false, positive: true)])
        #expect(self.tags(placements) == [])
        placements.heard(.copies, [.confirm(tag: 1, multiple: false, positive: true)])
        #expect(placements.placed == [Placements.Placed(tag: 1, settlement: .retried)])
    }

    @Test func `a new channel counts anew`() {
        var placements = Placements()
        placements.published(.outputs, 1, for: 1, .ack, begins: 1)
        placements.opened(.outputs)
        placements.heard(.outputs, [.confirm(tag: 1, multiple: true, positive: true)])
        #expect(self.tags(placements) == [])
        placements.published(.outputs, 1, for: 1, .ack, begins: 1)
        placements.heard(.outputs, [.confirm(tag: 1, multiple: true, positive: true)])
        #expect(self.tags(placements) == [1])
    }

    @Test func `unread or read, in any mix: the same inputs are placed`() {
        var seed = Seed()
        for _ in 0..<500 {
            let count = UInt64.random(in: 1...20, using: &seed)
            var read = Placements()
            for sequence in 1...count {
                read.published(.outputs, sequence, for: sequence, .ack, begins: 1)
            }
            var unread = read
            var answers: [UnreadAnswers.Answer] = []
            var confirmed: Set<UInt64> = []
            var left = Set(1...count)
            while let tag = left.randomElement(using: &seed) {
                let multiple = Int.random(in: 0..<4, using: &seed) == 0
                let positive = Int.random(in: 0..<4, using: &seed) > 0
                answers.append(.confirm(tag: tag, multiple: multiple, positive: positive))
                let covered = multiple ? left.filter { $0 <= tag } : [tag]
                left.subtract(covered)
                if positive { confirmed.formUnion(covered) }
                let isRead = Int.random(in: 0..<3, using: &seed) > 0
                if isRead, answers.count == 1 {
                    for sequence in covered { unread.answered(.outputs, sequence, positive ? .confirmed : .refused) }
                    answers.removeLast()
                }
                for sequence in covered { read.answered(.outputs, sequence, positive ? .confirmed : .refused) }
                if Int.random(in: 0..<10, using: &seed) == 0 { break }
            }
            unread.heard(.outputs, answers)
            #expect(self.tags(unread) == confirmed.sorted(), "\(seed.replay)")
            #expect(self.tags(read) == confirmed.sorted(), "\(seed.replay)")
        }
    }

    @Test func `when all is refused at once nothing of it is placed later`() {
        var placements = Placements()
        for tag in UInt64(1)...3 { placements.published(.outputs, tag, for: tag, .ack, begins: 1) }
        placements.heard(
            .outputs,
            [.confirm(tag: 0, multiple: true, positive: false), .confirm(tag: 3, multiple: true, positive: true)]
        )
        #expect(self.tags(placements) == [])
    }

    @Test func `a new channel for copies leaves what is on its way on that for outputs, and the other way round`() {
        for line in [Placements.Line.outputs, .copies] {
            var placements = Placements()
            placements.published(.outputs, 1, for: 1, .ack, begins: 1)
            placements.published(.copies, 1, for: 2, .retried, begins: 1)
            placements.opened(line)
            placements.heard(.outputs, [.confirm(tag: 1, multiple: false, positive: true)])
            placements.heard(.copies, [.confirm(tag: 1, multiple: false, positive: true)])
            #expect(self.tags(placements) == (line == .outputs ? [2] : [1]))
        }
    }
}
