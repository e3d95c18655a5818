import AMQPWire
import Millrace
import Testing

/// Which wait follows a failure, and what becomes of the message.
@Suite struct RetryPolicyTests {
    private static let exact = RetryPolicy(
        maxAttempts: 6,
        initialInterval: .seconds(1),
        multiplier: 4,
        maxInterval: .seconds(60),
        jitter: 0
    )

    @Test func `waits grow by the multiplier up to the longest, and end with the last attempt`() {
        let waits = (1...7).map { Self.exact.delay(afterAttempt: $0, random: 0.5)?.milliseconds }
        #expect(waits == [1000, 4000, 16_000, 60_000, 60_000, nil, nil])
    }

    @Test func `jitter takes one of four steps, so that a broker needs four queues for a wait`() {
        var policy = Self.exact
        policy.jitter = 0.2
        let waits = Set((0..<1000).map { policy.delay(afterAttempt: 1, random: Double($0) / 1000)?.milliseconds ?? 0 })
        #expect(waits == [800, 940, 1100, 1200])
    }

    @Test func `huge attempts and multipliers neither trap nor take long`() {
        let policy = RetryPolicy(maxAttempts: .max, multiplier: 100, maxInterval: .seconds(86_400), jitter: 1)
        #expect(policy.delay(afterAttempt: .max - 1, random: 0.999)?.milliseconds == 180_000_000)
        let flat = RetryPolicy(maxAttempts: .max, multiplier: 1, jitter: 0)
        #expect(flat.delay(afterAttempt: .max - 1, random: 0)?.milliseconds == 1000)
    }

    @Test(arguments: [
        (HandlerVerdict.ack, Disposition.settle(.ack)), (.discard, .settle(.discard)), (.requeue, .settle(.giveBack)),
        (.stop, .settle(.giveBack)), (.reject, .deadLetter(.rejected)), (.snooze, .settle(.giveBack)),
    ])
    func `a verdict that is no failure does not look at the policy`(_ verdict: HandlerVerdict, _ expected: Disposition)
    {
        for action in FailureAction.allCases {
            #expect(
                Disposition(verdict, attempt: 9, onFailure: action, retry: Self.exact, random: 0) == expected
            )
        }
    }

    @Test func `a failure is what the job's on_failure says`() {
        func failed(_ action: FailureAction, attempt: Int) -> Disposition {
            Disposition(.retry, attempt: attempt, onFailure: action, retry: Self.exact, random: 0)
        }
        #expect(failed(.requeue, attempt: 1) == .settle(.rejectRequeue))
        #expect(failed(.reject, attempt: 1) == .deadLetter(.failed))
        #expect(failed(.discard, attempt: 1) == .settle(.discard))
        #expect(failed(.retry, attempt: 1) == .retry(DelayStep(milliseconds: 1000), attempt: 2))
        #expect(failed(.retry, attempt: 5) == .retry(DelayStep(milliseconds: 60_000), attempt: 6))
        #expect(failed(.retry, attempt: 6) == .deadLetter(.exhausted))
    }

    @Test func `a snooze waits in the broker, rounded up to two digits`() {
        let nap = Disposition(
            .snooze,
            delay: 1_234_000_000,
            attempt: 3,
            onFailure: .retry,
            retry: Self.exact,
            random: 0
        )
        #expect(nap == .snooze(DelayStep(milliseconds: 1300)))
    }
}

@Suite struct DelayStepTests {
    @Test(arguments: [
        (0.0, 1), (0.2, 1), (7, 7), (99, 99), (100, 100), (101, 110), (1234, 1300), (59_999, 60_000), (60_000, 60_000),
        (1e18, DelayStep.longest), (.infinity, DelayStep.longest),
    ])
    func `waits have two significant digits, rounded up`(_ wanted: Double, _ expected: Int) {
        #expect(DelayStep(milliseconds: wanted).milliseconds == expected)
    }

    @Test func `there are at most ninety waits to a power of ten`() {
        var waits: Set<Int> = []
        for wanted in 1...1_000_000 { waits.insert(DelayStep(milliseconds: Double(wanted)).milliseconds) }
        #expect(waits.count <= 460)  // 99 below 100 ms, 90 for each of four powers of ten, and the last
    }

    @Test func `its queue's name fits, differs by queue, and says what it is`() {
        let step = DelayStep(milliseconds: 5000)
        #expect(step.queueName(for: "orders") == "orders.retry.5000ms")
        let long = String(repeating: "ö", count: 127) + "a"
        let other = String(repeating: "ö", count: 127) + "b"
        #expect(step.queueName(for: long).utf8.count <= 255)
        #expect(step.queueName(for: long) != step.queueName(for: other))
    }

    @Test func `a queue outlives every message that is put in before its next declaration`() throws {
        for milliseconds in [1.0, 5000, 86_400_000, Double(DelayStep.longest)] {
            let step = DelayStep(milliseconds: milliseconds)
            let arguments = step.arguments(for: "orders", isSafe: false)
            let expires = try #require(arguments["x-expires"]?.intValue)
            let ttl = try #require(arguments["x-message-ttl"]?.intValue)
            #expect(expires >= ttl + 2 * Int64(DelayStep.renewal / 1_000_000))
            #expect(expires < 1 << 32)  // RabbitMQ's limit
        }
        #expect(DelayStep(milliseconds: 1).arguments(for: "q", isSafe: true)["x-queue-type"] == .string("quorum"))
    }
}
