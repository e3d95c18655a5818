import AMQPClient
import TestSupport
import Testing

@Suite struct UnsettledTagsTests {
    private struct Frame: Equatable {
        let tag: UInt64
        let multiple: Bool
    }

    private func tags(_ count: UInt64) -> UnsettledTags {
        var tags = UnsettledTags()
        for tag in 1...count { #expect(tags.delivered(tag) == .expected) }
        return tags
    }

    private func takeAcks(_ tags: inout UnsettledTags) -> [Frame] {
        var frames: [Frame] = []
        tags.takeAcks { frames.append(Frame(tag: $0, multiple: $1)) }
        return frames
    }

    @Test func `C53: a tag is settled once, and only if it was given out`() {
        var tags = self.tags(3)
        #expect(tags.settle(0) == .refuse)
        #expect(tags.settle(4) == .refuse)
        #expect(tags.settle(2) == .send)
        #expect(tags.settle(2) == .refuse)
        #expect(tags.settle(1) == .send)
        #expect(tags.settle(1) == .refuse)
        #expect(tags.outstanding == 1)
    }

    @Test func `multiple covers the settled prefix alone; what lies behind a gap goes one by one`() {
        var tags = self.tags(6)
        for tag: UInt64 in [1, 2, 4, 6] { #expect(tags.hold(tag) == .send) }
        #expect(
            self.takeAcks(&tags) == [
                Frame(tag: 2, multiple: true), Frame(tag: 4, multiple: false), Frame(tag: 6, multiple: false),
            ]
        )
        #expect(self.takeAcks(&tags).isEmpty)
        #expect(tags.hold(3) == .send)
        #expect(self.takeAcks(&tags) == [Frame(tag: 3, multiple: false)])
        #expect(tags.outstanding == 1)
    }

    @Test func `a reject in the prefix does not stop multiple, and is never its last tag`() {
        var tags = self.tags(3)
        #expect(tags.hold(1) == .send)
        #expect(tags.hold(2) == .send)
        #expect(tags.settle(3) == .send)
        #expect(self.takeAcks(&tags) == [Frame(tag: 2, multiple: true)])
    }

    @Test func `tag 0 settles everything`() {
        var tags = self.tags(5)
        _ = tags.settle(2)
        #expect(tags.settleAll(upTo: 0) == 4)
        #expect(tags.outstanding == 0)
        #expect(tags.delivered(6) == .expected)
    }

    @Test func `tags that do not count up are a broken peer`() {
        var tags = self.tags(3)
        #expect(tags.delivered(3) == .outOfOrder)
        #expect(tags.delivered(1 << 40) == .outOfOrder)
        #expect(tags.delivered(6) == .expected)
        #expect(tags.settle(5) == .refuse)
    }

    /// A naive broker settles what the frames say; both sides must agree at every step.
    @Test func `C53: random orders never ack an unknown tag and leave nothing behind`() {
        var seed = Seed()
        print("MILLRACE_SEED=\(seed.value)")
        for _ in 0..<200 {
            var tags = UnsettledTags()
            var broker: Set<UInt64> = []
            var open: [UInt64] = []
            var next: UInt64 = 1
            func apply(_ frames: [Frame]) {
                for frame in frames {
                    #expect(broker.contains(frame.tag), "an ack of \(frame.tag), which is not out; seed \(seed.value)")
                    if frame.multiple {
                        let covered = broker.filter { $0 <= frame.tag }
                        #expect(
                            covered.allSatisfy { !open.contains($0) },
                            "multiple covers an open tag; seed \(seed.value)"
                        )
                        broker.subtract(covered)
                    } else {
                        broker.remove(frame.tag)
                    }
                }
            }
            for _ in 0..<100 {
                switch Int.random(in: 0..<5, using: &seed) {
                case 0, 1:
                    #expect(tags.delivered(next) == .expected)
                    broker.insert(next)
                    open.append(next)
                    next += 1
                case 2 where !open.isEmpty:
                    let tag = open.remove(at: Int.random(in: 0..<open.count, using: &seed))
                    #expect(tags.hold(tag) == .send)
                case 3 where !open.isEmpty:
                    let tag = open.remove(at: Int.random(in: 0..<open.count, using: &seed))
                    #expect(tags.settle(tag) == .send)
                    broker.remove(tag)
                default: apply(self.takeAcks(&tags))
                }
            }
            apply(self.takeAcks(&tags))
            #expect(broker == Set(open))
            #expect(tags.outstanding == open.count)
        }
    }
}
