import AMQPCore
import Testing
import TestSupport

@Suite struct UnsettledTagsTests {
    private struct Ack: Equatable {
        let tag: UInt64
        let multiple: Bool
    }

    private static func tags(_ count: UInt64) -> UnsettledTags {
        var tags = UnsettledTags()
        for tag in 0..<count { _ = tags.delivered(tag + 1) }
        return tags
    }

    private static func acks(_ tags: inout UnsettledTags) -> [Ack] {
        var acks: [Ack] = []
        tags.takeAcks { acks.append(Ack(tag: $0, multiple: $1)) }
        return acks
    }

    private static func settle(_ tags: inout UnsettledTags, _ chosen: [UInt64]) -> [Ack] {
        var frames: [Ack] = []
        let count = tags.settle(chosen) { frames.append(Ack(tag: $0, multiple: $1)) }
        let covered = frames.reduce(0) { $0 + ($1.multiple ? 2 : 1) }
        #expect(count >= covered)
        return frames
    }

    @Test func `C53: many are settled with one frame where nothing else is unsettled below`() {
        var tags = Self.tags(9)
        #expect(tags.settle(2) == .send)
        // 1 is in somebody's hand: nothing may cover it.
        #expect(Self.settle(&tags, [5, 4]) == [Ack(tag: 4, multiple: false), Ack(tag: 5, multiple: false)])
        #expect(tags.outstanding == 6)
        #expect(tags.settle(1) == .send)
        #expect(
            Self.settle(&tags, [9, 8, 3, 6]) == [
                Ack(tag: 6, multiple: true), Ack(tag: 8, multiple: false), Ack(tag: 9, multiple: false),
            ]
        )
        #expect(tags.outstanding == 1)
        #expect(tags.isOutstanding(7))
        #expect(Self.settle(&tags, [7]) == [Ack(tag: 7, multiple: false)])
        #expect(tags.outstanding == 0)
    }

    @Test func `C53: among many, what is not outstanding is left out`() {
        var tags = Self.tags(3)
        #expect(tags.settle(2) == .send)
        #expect(Self.settle(&tags, [0, 1, 1, 2, 3, 4, .max]) == [Ack(tag: 3, multiple: true)])
        #expect(Self.settle(&tags, [1, 2, 3]) == [])
        #expect(tags.delivered(4) == .expected)
    }

    @Test func `C53: many do not cover a message of basic.get that is still to be taken in`() {
        var tags = Self.tags(1)
        #expect(tags.delivered(3) == .expected)
        #expect(tags.delivered(4) == .expected)
        #expect(
            Self.settle(&tags, [1, 3, 4]) == [
                Ack(tag: 1, multiple: false), Ack(tag: 3, multiple: false), Ack(tag: 4, multiple: false),
            ]
        )
        #expect(tags.delivered(2) == .expected)
        #expect(tags.settle(2) == .send)
    }

    @Test func `C53: a delivery is settled once`() {
        var tags = Self.tags(2)
        #expect(tags.settle(1) == .send)
        #expect(tags.settle(1) == .refuse)
        #expect(tags.hold(1) == .refuse)
        #expect(tags.hold(2) == .send)
        #expect(tags.hold(2) == .refuse)
        #expect(tags.settle(2) == .refuse)
        #expect(tags.outstanding == 0)
    }

    @Test(arguments: [0, 3, UInt64.max])
    func `C53: tag 0 and tags never given out are refused`(tag: UInt64) {
        var tags = Self.tags(2)
        #expect(tags.settle(tag) == .refuse)
        #expect(tags.hold(tag) == .refuse)
        #expect(!tags.isOutstanding(tag))
        #expect(tags.outstanding == 2)
    }

    @Test func `C53: tags that do not count up are a broken peer`() {
        var tags = Self.tags(3)
        #expect(tags.delivered(3) == .outOfOrder)
        #expect(tags.delivered(0) == .outOfOrder)
        #expect(tags.delivered(UInt64.max) == .outOfOrder)
        #expect(tags.delivered(4) == .expected)
    }

    @Test func `C53: a peer that leaves gap after gap is refused before they cost much`() {
        var tags = UnsettledTags()
        var taken = 0
        for step: UInt64 in 1...1000 where tags.delivered(step * 1000) == .expected { taken += 1 }
        #expect(taken > 1 && taken < 100)
    }

    @Test func `C53: a gap, left by a message of basic.get that is still to be taken in, can not be settled`() {
        var tags = Self.tags(1)
        #expect(tags.delivered(4) == .expected)
        #expect(tags.settle(2) == .refuse)
        #expect(tags.settle(3) == .refuse)
        #expect(tags.settle(4) == .send)
        #expect(tags.outstanding == 1)
    }

    @Test func `C53: a message of basic.get may be told of after the deliveries that followed it`() {
        var tags = Self.tags(1)
        #expect(tags.delivered(3) == .expected)
        _ = tags.hold(1)
        _ = tags.hold(3)
        // Nothing is known of 2 yet, so no ack may cover it.
        #expect(Self.acks(&tags) == [Ack(tag: 1, multiple: false), Ack(tag: 3, multiple: false)])
        #expect(tags.delivered(2) == .expected)
        #expect(tags.delivered(2) == .outOfOrder)
        #expect(tags.outstanding == 1)
        #expect(tags.settle(2) == .send)
    }

    @Test func `C59: what the broker took back is forgotten, what it gave out since is not`() {
        var tags = Self.tags(4)
        _ = tags.settle(1)
        tags.requeuedByBroker(upTo: 3)
        #expect(tags.outstanding == 1)
        #expect(tags.settle(2) == .refuse)
        #expect(tags.settle(4) == .send)
    }

    @Test func `C53: multiple covers the settled prefix only`() {
        var tags = Self.tags(6)
        for tag: UInt64 in [1, 2, 3, 5, 6] { _ = tags.hold(tag) }
        #expect(
            Self.acks(&tags) == [
                Ack(tag: 3, multiple: true), Ack(tag: 5, multiple: false), Ack(tag: 6, multiple: false),
            ]
        )
        #expect(Self.acks(&tags) == [])
        _ = tags.hold(4)
        #expect(Self.acks(&tags) == [Ack(tag: 4, multiple: false)])
        #expect(tags.held == 0)
    }

    @Test func `C53: settled by the owner and held tags make one prefix`() {
        var tags = Self.tags(4)
        _ = tags.hold(1)
        _ = tags.settle(2)
        _ = tags.hold(3)
        #expect(Self.acks(&tags) == [Ack(tag: 3, multiple: true)])
        #expect(tags.outstanding == 1)
    }

    @Test func `C53: everything up to a tag, and 0 for everything`() {
        var tags = Self.tags(5)
        _ = tags.settle(2)
        #expect(tags.settleAll(upTo: 3) == 2)
        #expect(tags.outstanding == 2)
        #expect(tags.settleAll(upTo: 0) == 2)
        #expect(tags.settleAll(upTo: 0) == 0)
        #expect(tags.settle(5) == .refuse)
    }

    /// The broker's side, written down as a set.
    private struct Model {
        var out: Set<UInt64> = []
        var held: Set<UInt64> = []
        var last: UInt64 = 0
        /// What an ack frame settles on the broker; nil is its 406.
        mutating func brokerTakes(_ ack: Ack) -> Set<UInt64>? {
            let known = self.out.union(self.held)
            guard known.contains(ack.tag) else { return nil }
            let settled: Set<UInt64> = ack.multiple ? known.filter { $0 <= ack.tag } : [ack.tag]
            guard settled.isSubset(of: self.held) else { return nil }
            self.held.subtract(settled)
            return settled
        }
    }

    @Test func `C53: random steps agree with a naive model`() {
        var seed = Seed()
        print("UnsettledTags: \(seed.replay)")
        var tags = UnsettledTags()
        var model = Model()
        for step in 0..<20_000 {
            let tag = UInt64.random(in: (model.last > 40 ? model.last - 40 : 0)...(model.last + 1), using: &seed)
            switch Int.random(in: 0..<10, using: &seed) {
            case 0...3:
                model.last += 1
                #expect(tags.delivered(model.last) == .expected)
                model.out.insert(model.last)
            case 4...5:
                #expect(tags.settle(tag) == (model.out.remove(tag) != nil ? .send : .refuse))
            case 6...7:
                let known = model.out.remove(tag) != nil
                if known { model.held.insert(tag) }
                #expect(tags.hold(tag) == (known ? .send : .refuse))
            case 8:
                for ack in Self.acks(&tags) {
                    #expect(model.brokerTakes(ack) != nil, "\(ack) at step \(step), \(seed.replay)")
                }
                #expect(model.held.isEmpty, "\(seed.replay)")
            default:
                guard Int.random(in: 0..<20, using: &seed) == 0 else { continue }
                let settled = model.out.union(model.held).filter { tag == 0 || $0 <= tag }
                #expect(tags.settleAll(upTo: tag) == settled.count)
                model.out.subtract(settled)
                model.held.subtract(settled)
            }
            #expect(tags.outstanding == model.out.count, "step \(step), \(seed.replay)")
            #expect(tags.held == model.held.count, "step \(step), \(seed.replay)")
            if tags.outstanding != model.out.count || tags.held != model.held.count { return }
        }
    }

    @Test func `C53: the tags of a long window stay right when its front is dropped`() {
        var tags = Self.tags(10_000)
        for tag: UInt64 in 1...6000 { _ = tags.settle(tag) }
        #expect(tags.outstanding == 4000)
        #expect(!tags.isOutstanding(6000))
        #expect((6001...10_000).allSatisfy { tags.isOutstanding($0) })
        #expect(tags.delivered(10_001) == .expected)
        #expect(Self.settle(&tags, [6001, 6002]) == [Ack(tag: 6002, multiple: true)])
    }
}
