import AMQPCore
import TestSupport
import Testing

/// What a transaction settles is settled by its commit and outstanding again after its rollback (C64).
@Suite struct UnsettledTagsTransactionTests {
    private static func tags(_ count: UInt64) -> UnsettledTags {
        var tags = UnsettledTags()
        tags.beginTransactions()
        for tag in 0..<count { _ = tags.delivered(tag + 1) }
        return tags
    }

    @Test func `C64: what was settled since the last commit is outstanding again after a rollback`() {
        var tags = Self.tags(4)
        #expect(tags.settle(1) == .send)
        tags.committed()
        #expect(tags.settle(2) == .send)
        #expect(tags.settle(4) == .send)
        #expect(tags.settle(4) == .refuse)
        #expect(tags.outstanding == 1)
        tags.rolledBack()
        #expect(tags.outstanding == 3)
        #expect(tags.settle(1) == .refuse)
        #expect(tags.settle(2) == .send)
        #expect(tags.settle(4) == .send)
        tags.committed()
        tags.rolledBack()
        #expect(tags.outstanding == 1)
        #expect(tags.isOutstanding(3))
    }

    @Test func `C64: held acks and acks of many are undone too`() {
        var tags = Self.tags(5)
        _ = tags.hold(1)
        _ = tags.hold(2)
        _ = tags.hold(4)
        var sent: [UInt64] = []
        tags.takeAcks { tag, _ in sent.append(tag) }
        #expect(sent == [2, 4])
        #expect(tags.settleAll(upTo: 0) == 2)
        #expect(tags.outstanding == 0)
        tags.rolledBack()
        #expect(tags.outstanding == 5)
        sent.removeAll()
        tags.takeAcks { tag, _ in sent.append(tag) }
        #expect(sent.isEmpty)
        #expect(tags.settleAll(upTo: 0) == 5)
    }

    @Test func `C64: what was taken without ack does not come back`() {
        var tags = Self.tags(2)
        tags.settledByBroker(1)
        tags.settledByBroker(1)
        #expect(tags.outstanding == 1)
        tags.rolledBack()
        #expect(tags.settle(1) == .refuse)
        #expect(tags.settle(2) == .send)
    }

    @Test func `C59 C64: what the broker took back is gone, what the transaction settled is not`() {
        var tags = Self.tags(3)
        _ = tags.settle(2)
        tags.requeuedByBroker(upTo: 3)
        #expect(tags.outstanding == 0)
        #expect(tags.settle(3) == .refuse)
        tags.rolledBack()
        #expect(tags.outstanding == 1)
        #expect(tags.settle(2) == .send)
    }

    @Test func `C53: without a transaction nothing comes back`() {
        var tags = UnsettledTags()
        _ = tags.delivered(1)
        _ = tags.settle(1)
        tags.rolledBack()
        #expect(tags.outstanding == 0)
    }

    @Test func `C64: random transactions agree with a naive model`() {
        var seed = Seed()
        print("UnsettledTags in transactions: \(seed.replay)")
        var tags = Self.tags(0)
        var out: Set<UInt64> = []
        var pending: Set<UInt64> = []
        var last: UInt64 = 0
        for step in 0..<20_000 {
            let tag = UInt64.random(in: (last > 30 ? last - 30 : 0)...(last + 1), using: &seed)
            switch Int.random(in: 0..<20, using: &seed) {
            case 0..<8:
                last += 1
                #expect(tags.delivered(last) == .expected)
                out.insert(last)
            case 8..<17:
                let known = out.remove(tag) != nil
                if known { pending.insert(tag) }
                #expect(tags.settle(tag) == (known ? .send : .refuse))
            case 17, 18:
                pending.removeAll()
                tags.committed()
            default:
                out.formUnion(pending)
                pending.removeAll()
                tags.rolledBack()
            }
            #expect(tags.outstanding == out.count, "step \(step), \(seed.replay)")
            if tags.outstanding != out.count { return }
        }
    }
}
