import Millrace
import Testing

/// Consumers that only their client knows of, found without a broker.
@Suite final class ForgottenConsumersTests {
    private static let second: UInt64 = 1_000_000_000
    private var jobs = ForgottenConsumers(limit: .seconds(30))

    private func look(at second: UInt64, own: Int = 2, consumers: Int, job: String = "work", queue: String = "q")
        -> Bool
    {
        self.jobs.look(job: job, queue: queue, own: own, consumers: consumers, now: second * Self.second)
    }

    @Test func `a queue that lost its consumers is told once per limit`() {
        #expect(!self.look(at: 0, consumers: 2))
        #expect(!self.look(at: 60, consumers: 0), "one look may meet a consumer that opens")
        #expect(!self.look(at: 89, consumers: 0))
        #expect(self.look(at: 90, consumers: 0))
        #expect(!self.look(at: 119, consumers: 0))
        #expect(self.look(at: 120, consumers: 0))
        #expect(!self.look(at: 150, consumers: 1))
        #expect(!self.look(at: 180, consumers: 0), "it has its whole time again")
        #expect(self.look(at: 210, consumers: 0))
    }

    @Test func `each queue of a job has its own time`() {
        #expect(!self.look(at: 0, consumers: 2) && !self.look(at: 0, consumers: 2, queue: "r"))
        #expect(!self.look(at: 10, consumers: 0) && !self.look(at: 10, consumers: 2, queue: "r"))
        #expect(self.look(at: 40, consumers: 0) && !self.look(at: 40, consumers: 2, queue: "r"))
    }

    @Test func `a broker that never counted one says nothing by none`() {
        for time in stride(from: 0 as UInt64, through: 600, by: 60) { #expect(!self.look(at: time, consumers: 0)) }
    }

    @Test func `who does not consume misses no consumer`() {
        #expect(!self.look(at: 0, consumers: 1))
        #expect(!self.look(at: 60, consumers: 0))
        #expect(!self.look(at: 120, own: 0, consumers: 0))
        #expect(!self.look(at: 180, consumers: 0))
        #expect(self.look(at: 240, consumers: 0))
    }

    @Test func `a job that goes over to a stream, which has no consumers, is left alone`() {
        #expect(!self.look(at: 0, consumers: 2))
        for time in stride(from: 60 as UInt64, through: 600, by: 60) {
            #expect(!self.look(at: time, consumers: 0, queue: "stream"))
        }
    }

    @Test func `each job has its own time`() {
        for job in ["a", "b"] { #expect(!self.look(at: 0, consumers: 1, job: job)) }
        #expect(!self.look(at: 60, consumers: 0, job: "a"))
        #expect(!self.look(at: 90, consumers: 0, job: "b"))
        #expect(self.look(at: 100, consumers: 0, job: "a"))
        #expect(!self.look(at: 100, consumers: 0, job: "b"))
    }
}
