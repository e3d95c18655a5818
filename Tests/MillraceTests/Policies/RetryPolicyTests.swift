import AMQPWire
import Glibc
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

    @Test func `jitter spreads a wait evenly around itself`() {
        var policy = Self.exact
        policy.jitter = 0.2
        let waits = (0..<1000).map { policy.delay(afterAttempt: 1, random: Double($0) / 1000)?.milliseconds ?? 0 }
        #expect(waits.first == 800)
        #expect(waits.last == 1200)
        #expect(waits[500] == 1000)
        #expect(Set(waits).count > 300)
    }

    @Test func `huge attempts and multipliers neither trap nor take long`() {
        let policy = RetryPolicy(maxAttempts: .max, multiplier: 100, maxInterval: .seconds(86_400), jitter: 1)
        #expect(policy.delay(afterAttempt: .max - 1, random: 0.999)?.milliseconds == 172_627_200)
    }

    @Test func `a policy without growth does not count through its attempts`() async {
        // In a process that ends: the count would go on for years.
        await #expect(processExitsWith: .success) {
            alarm(5)
            let flat = RetryPolicy(maxAttempts: .max, multiplier: 1, jitter: 0)
            #expect(flat.delay(afterAttempt: .max - 1, random: 0)?.milliseconds == 1000)
        }
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
        #expect(failed(.retry, attempt: 1) == .retry(Wait(milliseconds: 1000), attempt: 2))
        #expect(failed(.retry, attempt: 5) == .retry(Wait(milliseconds: 60_000), attempt: 6))
        #expect(failed(.retry, attempt: 6) == .deadLetter(.exhausted))
    }

    @Test func `a snooze waits as long as it says, to the millisecond`() {
        let nap = Disposition(
            .snooze,
            delay: 1_234_000_000,
            attempt: 3,
            onFailure: .retry,
            retry: Self.exact,
            random: 0
        )
        #expect(nap == .snooze(Wait(milliseconds: 1234)))
    }

    @Test func `one that is to be begun by itself and is by itself has failed`() {
        for action in FailureAction.allCases {
            let alone = Disposition(.alone, attempt: 2, onFailure: action, retry: Self.exact, random: 0)
            #expect(alone == Disposition(.retry, attempt: 2, onFailure: action, retry: Self.exact, random: 0))
        }
    }

    @Test(arguments: [Settlement.reject, .rejectRequeue, .retried, .deadLettered])
    func `these are failures`(settlement: Settlement) { #expect(settlement.isFailure) }

    @Test(arguments: [Settlement.ack, .discard, .giveBack, .snoozed])
    func `these are none`(settlement: Settlement) { #expect(!settlement.isFailure) }
}

@Suite struct WaitTests {
    @Test(arguments: [
        (0.0, 1), (0.2, 1), (7, 7), (1234, 1234), (1234.1, 1235), (1e18, Wait.longest), (.infinity, Wait.longest),
    ])
    func `a wait is whole milliseconds, rounded up, between one and a week`(_ wanted: Double, _ expected: Int) {
        #expect(Wait(milliseconds: wanted).milliseconds == expected)
    }
}
