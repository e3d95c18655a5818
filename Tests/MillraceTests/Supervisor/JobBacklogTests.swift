import Millrace
import Testing

/// The backlog of a job with several queues.
@Suite struct JobBacklogTests {
    private func backlog(_ queues: [(messages: Int, consumers: Int, own: Int)]) -> JobBacklog? {
        JobBacklog(queues.map { JobBacklog.Queue(messages: $0.messages, consumers: $0.consumers, own: $0.own) })
    }

    @Test func `messages add up, and the share is that of each queue by what it holds`() {
        #expect(self.backlog([]) == nil)
        #expect(self.backlog([(10, 4, 4)])?.share == 1)
        #expect(self.backlog([(10, 4, 1)])?.share == 0.25)
        let both = self.backlog([(30, 4, 4), (10, 4, 1)])
        #expect(both?.messages == 40)
        // 30 of its own and 10 of which a quarter is: 32.5 of 40.
        #expect(both?.share == 0.8125)
    }

    @Test func `empty queues count alike, and a count that is behind makes no share above one`() {
        #expect(self.backlog([(0, 4, 4), (0, 4, 1)])?.share == 0.625)
        #expect(self.backlog([(8, 1, 4)])?.share == 1)
        #expect(self.backlog([(8, 0, 0), (8, 2, 2)])?.share == 0.5)
    }
}
