import Testing

@testable import Millrace

/// What people are told of a supervisor follows from one value; no broker, no thread.
@Suite struct SupervisorStatusTests {
    private func job(
        _ name: String,
        _ state: JobState = .running,
        idle: Int = 0,
        missing: Int = 0
    ) -> JobStatus {
        JobStatus(
            name: name,
            queue: "q",
            state: state,
            threads: 4,
            consuming: 4 - idle - missing,
            inHand: 0,
            counts: JobCounts(),
            idle: idle,
            missing: missing
        )
    }

    private func status(
        _ jobs: [JobStatus],
        _ connection: SupervisorStatus.Connection = .up,
        outputs: SupervisorStatus.Connection? = nil,
        isDraining: Bool = false
    ) -> SupervisorStatus {
        SupervisorStatus(isDraining: isDraining, connection: connection, outputs: outputs, jobs: jobs)
    }

    @Test func `who consumes with every worker is ready, and so is who has ended`() {
        #expect(self.status([self.job("a"), self.job("b", .drained)], outputs: .up).readiness.isReady)
        #expect(self.status([]).readiness.isReady)
    }

    @Test func `each job that falls short is named, with the first thing that is wrong with it`() {
        let jobs = [
            self.job("a", .failed("no queue"), idle: 2, missing: 1), self.job("b", idle: 1, missing: 1),
            self.job("c", missing: 3), self.job("d", .starting), self.job("e", .restarting("404")), self.job("f"),
        ]
        let status = self.status(jobs)
        #expect(
            status.readiness.reasons == [
                "job 'a' has failed: no queue", "job 'b': 1 of 4 workers does not consume",
                "job 'c': 3 of 4 threads could not be started", "job 'd' is starting", "job 'e' is restarting: 404",
            ]
        )
        #expect(status.hasFailedJobs)
        #expect(!self.status(Array(jobs.dropFirst())).hasFailedJobs)
    }

    @Test func `a connection that is missing, or blocked, is named before the jobs, with its reason`() {
        let job = self.job("a", .starting)
        #expect(
            self.status([job], .missing("refused"), outputs: .blocked, isDraining: true).readiness.reasons == [
                "draining", "no connection to the broker: refused", "the broker blocks the connection for outputs",
                "job 'a' is starting",
            ]
        )
        #expect(
            self.status([], .blocked, outputs: .missing(nil)).readiness.reasons == [
                "the broker blocks the connection: it reads nothing, acks included", "no connection for outputs",
            ]
        )
    }
}
