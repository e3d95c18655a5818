import Millrace
import Testing

@Suite struct ExplanationTests {
    private func facts(
        _ state: JobState = .running,
        connection: SupervisorStatus.Connection = .up,
        outputs: SupervisorStatus.Connection? = nil,
        threads: Int = 4,
        consuming: Int = 4,
        inHand: Int = 0,
        oldest: Duration = .zero,
        counts: JobCounts = JobCounts(),
        reason: String? = nil,
        idle: Int = 0,
        missing: Int = 0,
        scaling: String? = nil
    ) -> JobFacts {
        JobFacts(
            status: JobStatus(
                name: "orders",
                queue: "q",
                state: state,
                threads: threads,
                consuming: consuming,
                inHand: inHand,
                oldestInHand: oldest,
                counts: counts,
                reason: reason,
                idle: idle,
                missing: missing,
                scalingNote: scaling
            ),
            connection: connection,
            outputs: outputs
        )
    }

    private func first(_ facts: JobFacts) -> Explanation.Finding? { Explanation(facts).findings.first }

    @Test func `the broker comes first: no connection, an alarm, a connection for outputs`() {
        let missing = self.first(self.facts(.failed("x"), connection: .missing("refused")))
        #expect(missing?.cause == "connection" && missing?.text == "there is no connection to the broker: refused")
        #expect(
            self.first(self.facts(.paused, connection: .blocked))?.help
                == "free its memory or disk: rabbitmq-diagnostics alarms"
        )
        #expect(self.first(self.facts(outputs: .missing(nil)))?.cause == "outputs")
        #expect(self.first(self.facts(outputs: .blocked))?.text.contains("blocked by the broker") == true)
        var silent = self.facts(.paused)
        silent.silence = .seconds(12)
        #expect(self.first(silent)?.text == "the broker has answered nothing for 12s, and the connection is up")
        #expect(Explanation(silent).findings.map(\.cause) == ["silent", "paused"])
        var draining = self.facts()
        draining.isDraining = true
        #expect(self.first(draining)?.cause == "draining")
    }

    @Test func `a queue of several that is not there is named, and the work on the others is looked at too`() {
        var facts = self.facts()
        facts.status.queues = ["q", "r"]
        facts.status.absentQueues = ["r": "404"]
        facts.ready = 0
        let findings = Explanation(facts).findings
        #expect(findings.map(\.cause) == ["queue-absent", "nothing-to-do"])
        #expect(findings[0].text == "queue 'r' is not consumed, the job's others are: 404")
        #expect(findings[1].text.hasPrefix("each of the queues 'q', 'r' is empty"))
    }

    @Test func `then what the job is in, with the command that helps`() {
        var paused = self.facts(.paused, consuming: 0)
        paused.pauseNote = "10:41, by ada, \"db down\""
        #expect(self.first(paused)?.text == "it is paused: 10:41, by ada, \"db down\"")
        #expect(self.first(paused)?.help == "millrace resume orders")
        #expect(self.first(self.facts(.failed("no queue")))?.help == "mend that, then: millrace restart orders")
        #expect(self.first(self.facts(.restarting("404")))?.cause == "restarting")
        #expect(self.first(self.facts(.starting, reason: "awaits"))?.text == "it is starting: awaits")
        #expect(self.first(self.facts(.drained))?.cause == "drained")
        #expect(self.first(self.facts(missing: 3))?.text == "the system gave 1 of 4 threads")
        #expect(self.first(self.facts(idle: 2))?.cause == "not-consuming")
    }

    @Test func `a queue that is empty is nothing to do, and one that nobody knows of is said`() {
        var facts = self.facts()
        #expect(self.first(facts)?.cause == "unknown")
        (facts.ready, facts.consumers) = (0, 7)
        #expect(self.first(facts)?.text == "queue 'q' is empty, with 7 consumers: there is nothing to do")
        var busy = self.facts(inHand: 3)
        busy.ready = 0
        #expect(self.first(busy)?.text == "queue 'q' has no message ready; 3 are in hand")
    }

    @Test func `all threads busy: how long a handler takes, when it clears, and more threads`() {
        var facts = self.facts()
        (facts.ready, facts.busy, facts.rate) = (1200, 4, 40)
        let finding = self.first(facts)
        #expect(finding?.cause == "threads")
        #expect(
            finding?.text
                == "1200 messages ready, and all 4 threads are busy: a handler takes 100 ms, 40 are done in a second; without new ones it clears in 30s"
        )
        #expect(finding?.help == "millrace scale orders 8")
        facts.busy = 1
        #expect(self.first(facts)?.cause == "works")
        #expect(self.first(facts)?.help == nil)
    }

    @Test func `a rate limit, a prefetch that is too small, a downstream that more threads do not help`() {
        var limited = self.facts()
        (limited.ready, limited.busy, limited.rate) = (10, 4, 9.5)
        limited.rateLimit = RateLimit(allowed: 10, interval: .seconds(1))
        #expect(self.first(limited)?.cause == "rate-limit")
        limited.rate = 2
        #expect(self.first(limited)?.cause == "threads")
        var small = self.facts()
        (small.ready, small.busy, small.rate, small.prefetch) = (10, 1, 200, 1)
        small.handlerTime = .milliseconds(5)
        #expect(self.first(small)?.cause == "prefetch")
        #expect(self.first(small)?.text.contains("threads are in a handler 25 % of the time: with prefetch 1 ") == true)
        small.rate = 700
        #expect(self.first(small)?.cause == "works", "they are in handlers most of the time")
        (small.rate, small.prefetch) = (200, 100)
        #expect(self.first(small)?.cause == "works", "more would not help")
        var downstream = self.facts(scaling: "more threads do not help: handler time 41 → 83 ms at 8 → 16")
        (downstream.ready, downstream.busy) = (10, 4)
        #expect(self.first(downstream)?.cause == "downstream")
    }

    @Test func `handlers that hang or fail are said before the backlog`() {
        var hanging = self.facts(inHand: 1, oldest: .seconds(90))
        (hanging.timeout, hanging.ready, hanging.busy) = (.seconds(30), 10, 4)
        #expect(Explanation(hanging).findings.map(\.cause) == ["handler-hangs", "threads"])
        #expect(self.first(hanging)?.text == "a handler has had one delivery for 1m, timeout 30s")
        var counts = JobCounts()
        (counts.acked, counts.retried, counts.rejected) = (70, 20, 10)
        var failing = self.facts(counts: counts)
        failing.ready = 0
        #expect(Explanation(failing).findings.map(\.cause) == ["failing", "nothing-to-do"])
        #expect(self.first(failing)?.text.hasPrefix("30 of 100 deliveries have failed") == true)
    }

    @Test func `nothing in a name or a reason reaches a terminal as it is`() {
        let text = Explanation(self.facts(.failed("a\u{1B}[31m\nb"))).text
        #expect(!text.contains("\u{1B}") && text.split(separator: "\n").count == 2)
    }
}
