import AMQPCore
import Millrace
import Testing

/// Which of several queues a worker consumes, without a broker.
@Suite struct ConsumedQueuesTests {
    private static let second: UInt64 = 1_000_000_000
    private static let names = ["a", "b", "c"]

    private func queues() -> ConsumedQueues {
        var settings = RecoverySettings()
        settings.initialInterval = .seconds(1)
        settings.multiplier = 2
        settings.maxInterval = .seconds(30)
        settings.jitter = 0
        var queues = ConsumedQueues(Self.names, backoff: Backoff(settings))
        queues.channelOpened()
        return queues
    }

    /// With a consumer for each.
    private func consuming() -> ConsumedQueues {
        var queues = self.queues()
        for name in Self.names { queues.consumes(name, queues.makeTag(for: name, "job-0")) }
        return queues
    }

    private func queue(of tag: String) -> String { ConsumedQueues.queue(ofTag: Array(tag.utf8), in: Self.names) }

    @Test func `a tag says which queue its deliveries are from, whatever the job is called`() {
        var queues = self.queues()
        for base in ["job-0", "a/1-0.7", "~2/3", "", String(repeating: "9", count: 231)] {
            for name in Self.names {
                let tag = queues.makeTag(for: name, base)
                #expect(self.queue(of: tag) == name, "\(tag)")
            }
        }
        #expect(self.queue(of: "job-0") == "a")
        #expect(self.queue(of: "job-0/") == "a")
        #expect(self.queue(of: "job-0/4") == "a")
        #expect(self.queue(of: "job-0/99999999999999999999") == "a")
        #expect(self.queue(of: "") == "a")
        let longest = queues.makeTag(for: "c", String(repeating: "x", count: 231))
        #expect(longest.utf8.count <= 255)
    }

    @Test func `no two consumers of a channel have one tag, though the first have short ones`() {
        var queues = self.queues()
        var tags = Self.names.map { queues.makeTag(for: $0, "job-0") }
        #expect(tags == ["job-0/1", "job-0/2", "job-0/3"])
        for _ in 0..<20 { tags += Self.names.map { queues.makeTag(for: $0, "job-0") } }
        #expect(Set(tags).count == tags.count)
    }

    @Test func `a consumer that is lost leaves the others, and its queue is looked for ever more seldom`() {
        var queues = self.consuming()
        #expect(queues.wake == nil && queues.absent.isEmpty)
        #expect(queues.lost("job-0/2", "deleted", now: 0, random: 0.5) == "b")
        #expect(queues.tags == ["job-0/1", "job-0/3"])
        #expect(queues.absent == ["b": "deleted"])
        #expect(queues.lostTags == ["job-0/2"] && queues.lostCount == 1)
        #expect(queues.due(now: Self.second - 1).isEmpty)
        #expect(queues.wake == Self.second)
        #expect(queues.due(now: Self.second) == ["b"])
        queues.isAbsent("b", "still", now: Self.second, random: 0.5)
        #expect(queues.wake == 3 * Self.second)
        #expect(queues.absent == ["b": "still"])
        queues.consumes("b", queues.makeTag(for: "b", "job-0"))
        #expect(queues.wake == nil && queues.absent.isEmpty)
        #expect(queues.tags == ["job-0/1", "job-0~4/2", "job-0/3"])
        #expect(queues.lostTags == ["job-0/2"], "what is in hand of the old one is told apart")
    }

    @Test func `one that comes and goes is looked for from the beginning`() {
        var queues = self.consuming()
        for round in 0..<3 as Range<UInt64> {
            let now = round * 100 * Self.second
            let tag = queues.tags[0]
            #expect(queues.lost(tag, "deleted", now: now, random: 0.5) == "a")
            #expect(queues.wake == now + Self.second)
            queues.consumes("a", queues.makeTag(for: "a", "job-0"))
        }
        #expect(queues.lostCount == 3)
    }

    @Test func `nothing is left when the last is lost, and what nobody knows is none of ours`() {
        var queues = self.consuming()
        #expect(queues.lost("other", "x", now: 0, random: 0.5) == nil)
        #expect(queues.lostCount == 1, "the channel has counted it")
        for tag in queues.tags { _ = queues.lost(tag, "deleted", now: 0, random: 0.5) }
        #expect(!queues.hasConsumer)
        #expect(queues.due(now: Self.second) == Self.names)
        queues.channelOpened()
        #expect(queues.lostTags.isEmpty && queues.lostCount == 0)
        #expect(queues.absent.count == 3, "another channel does not bring them back")
    }

    @Test func `what cost a channel is tried elsewhere until it works`() {
        var queues = self.queues()
        #expect(!queues.mustTry("a"))
        queues.wasRefused("a")
        queues.channelOpened()
        #expect(queues.mustTry("a") && !queues.mustTry("b"))
        queues.isAbsent("a", "403", now: 0, random: 0.5)
        #expect(queues.mustTry("a"))
        queues.consumes("a", "t")
        #expect(!queues.mustTry("a"))
    }

    @Test func `what can not be asked now is put off, and nothing is brought forward`() {
        var queues = self.consuming()
        _ = queues.lost("job-0/1", "deleted", now: 0, random: 0.5)
        _ = queues.lost("job-0/2", "deleted", now: 10 * Self.second, random: 0.5)
        queues.putOff(until: 5 * Self.second)
        #expect(queues.due(now: 5 * Self.second) == ["a"])
        #expect(queues.due(now: 11 * Self.second) == ["a", "b"])
        #expect(queues.wake == 5 * Self.second)
    }
}
