import AMQPClient
import AMQPWire
import Millrace
import Testing

/// Who ended a connection that many share, without a connection.
@Suite struct ConnectionTrialTests {
    private static let ms: UInt64 = 1_000_000
    private static let settings = RecoverySettings(
        initialInterval: .milliseconds(100),
        multiplier: 2,
        maxInterval: .milliseconds(300),
        jitter: 0
    )

    private static func error(_ code: ReplyCode, _ text: String = "no") -> AMQPError {
        AMQPError(closeCode: code, text: text, classID: 60, methodID: 20, scope: .connection)
    }

    private static func suspected(_ error: AMQPError = Self.error(.notImplemented)) -> ConnectionTrial {
        var trial = ConnectionTrial(Self.settings)
        #expect(trial.next(now: 0) == .go)
        trial.suspect(error)
        return trial
    }

    @Test func `a suspect is tried by one worker, and the others wait`() {
        var trial = Self.suspected()
        #expect(trial.next(now: 0) == .stand(Self.error(.notImplemented)))
        #expect(trial.next(now: 0) == .wait(Self.error(.notImplemented), until: 50 * Self.ms))
        #expect(trial.ended(.worked, now: 0, random: 0) == .innocent)
        #expect(trial.next(now: 0) == .go)
    }

    @Test(arguments: [ReplyCode.notImplemented, .notAllowed, .commandInvalid, .syntaxError])
    func `one that ends its own connection too, by a refusal, is guilty for good`(code: ReplyCode) {
        var trial = Self.suspected(Self.error(code))
        _ = trial.next(now: 0)
        #expect(trial.ended(.endedConnection(Self.error(code)), now: 0, random: 0) == .guilty(Self.error(code)))
        #expect(trial.next(now: .max) == .never(Self.error(code)))
        trial.suspect(Self.error(.notAllowed))
        #expect(trial.next(now: .max) == .never(Self.error(code)))
    }

    @Test func `541 is what a broker in trouble gives too: it fails, and is tried again less and less often`() {
        let trouble = Self.error(.internalError)
        var trial = Self.suspected(trouble)
        var now: UInt64 = 0
        for (index, wait): (Int, UInt64) in [100, 200, 300, 300].enumerated() {
            #expect(trial.failing == (index < 3 ? nil : trouble))
            #expect(trial.next(now: now) == .stand(trouble))
            #expect(
                trial.ended(.endedConnection(trouble), now: now, random: 0.5) == .again(trouble, after: wait * Self.ms)
            )
            #expect(trial.next(now: now) == .wait(trouble, until: now + wait * Self.ms))
            now += wait * Self.ms
        }
        _ = trial.next(now: now)
        #expect(trial.ended(.worked, now: now, random: 0.5) == .innocent)
        #expect(trial.failing == nil)
        #expect(trial.next(now: now) == .go)
    }

    @Test func `541 about a feature that is not permitted is for good`() {
        let refusal = Self.error(.internalError, "Feature `transient_nonexcl_queues` is deprecated")
        var trial = Self.suspected(refusal)
        _ = trial.next(now: 0)
        #expect(trial.ended(.endedConnection(refusal), now: 0, random: 0) == .guilty(refusal))
    }

    @Test(arguments: [
        ConnectionTrial.Outcome.notTried,
        .endedConnection(AMQPError(.connectionLost, scope: .connection, text: "reset")),
        .endedConnection(Self.error(.connectionForced)),
    ])
    func `no connection, or one that the network or an operator ends, says nothing`(outcome: ConnectionTrial.Outcome) {
        var trial = Self.suspected()
        _ = trial.next(now: 0)
        #expect(trial.ended(outcome, now: 0, random: 0.5) == .open)
        #expect(trial.next(now: 0) == .wait(Self.error(.notImplemented), until: 100 * Self.ms))
        #expect(trial.next(now: 100 * Self.ms) == .stand(Self.error(.notImplemented)))
        #expect(trial.ended(.failedAlone, now: 0, random: 0) == .innocent)
    }

    @Test func `who did not get a connection because another one is tried looks again soon`() {
        var trial = Self.suspected()
        for _ in 0..<9 {
            #expect(trial.next(now: 0) == .stand(Self.error(.notImplemented)))
            #expect(trial.ended(.busy, now: 0, random: 0.5) == .open)
            #expect(trial.next(now: 0) == .wait(Self.error(.notImplemented), until: 50 * Self.ms))
            #expect(trial.next(now: 50 * Self.ms) == .stand(Self.error(.notImplemented)))
            #expect(trial.ended(.worked, now: 0, random: 0.5) == .innocent)
            trial.suspect(Self.error(.notImplemented))
        }
    }

    @Test func `what a request can have caused, by code and by the method that the broker blames`() {
        #expect(Self.error(.notImplemented).canBeDoing(of: .basicConsume))
        #expect(!Self.error(.notImplemented).canBeDoing(of: .basicQos))
        #expect(!Self.error(.connectionForced).canBeDoing(of: .basicConsume))
        #expect(!AMQPError(.connectionLost, scope: .connection, text: "").canBeDoing(of: .basicConsume))
        #expect(!AMQPError(.heartbeatMissed, scope: .connection, text: "").canBeDoing(of: .basicConsume))
        let ofChannel = AMQPError(closeCode: .notAllowed, text: "", classID: 60, methodID: 20, scope: .channel(1))
        #expect(!ofChannel.canBeDoing(of: .basicConsume))
        let nobody = AMQPError(closeCode: .internalError, text: "", classID: 0, methodID: 0, scope: .connection)
        #expect(nobody.canBeDoing(of: .basicQos))
        let binding = AMQPError(closeCode: .commandInvalid, text: "", classID: 50, methodID: 20, scope: .connection)
        #expect(binding.canBeDoing(of: .queueDeclare, orItsClass: true))
        #expect(!binding.canBeDoing(of: .queueDeclare))
        let full = "NOT_ALLOWED - access to vhost 'v' refused for user 'u': connection limit (1) is reached"
        #expect(!Self.error(.notAllowed, full).canBeProvoked)
    }

    @Test func `who was found innocent has a clean record`() {
        let trouble = Self.error(.internalError)
        var trial = Self.suspected(trouble)
        for _ in 0..<3 {
            _ = trial.next(now: .max)
            _ = trial.ended(.endedConnection(trouble), now: 0, random: 0.5)
        }
        #expect(trial.failing == trouble)
        _ = trial.next(now: .max)
        #expect(trial.ended(.worked, now: 0, random: 0.5) == .innocent)
        trial.suspect(trouble)
        #expect(trial.failing == nil)
        #expect(trial.next(now: 0) == .stand(trouble))
        let verdict = trial.ended(.endedConnection(trouble), now: 0, random: 0.5)
        #expect(verdict == .again(trouble, after: 100 * Self.ms))
        #expect(trial.failing == nil)
    }
}
