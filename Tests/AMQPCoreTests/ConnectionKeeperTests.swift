import AMQPCore
import AMQPWire
import TestSupport
import Testing

/// A connection that is kept up, without a clock and without a broker.
@Suite struct ConnectionKeeperTests {
    private static let second: UInt64 = 1_000_000_000
    private static let lost = AMQPError(.connectionLost, scope: .connection, text: "gone")
    private static let badLogin = AMQPError(
        closeCode: .accessRefused,
        text: "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN",
        classID: 0,
        methodID: 0,
        scope: .connection
    )
    private static let full = AMQPError(
        closeCode: .notAllowed,
        text: "NOT_ALLOWED - access to vhost 'v' refused for user 'u': connection limit (1) is reached",
        classID: 10,
        methodID: 40,
        scope: .connection
    )
    private static let noHost = AMQPError(
        closeCode: .notAllowed,
        text: "NOT_ALLOWED - vhost v not found",
        classID: 10,
        methodID: 40,
        scope: .connection
    )

    private static func keeper(
        _ count: Int = 1,
        _ patience: ConnectionKeeper.Patience = .untilRefusedFor(.seconds(3600))
    ) -> ConnectionKeeper {
        ConnectionKeeper(
            endpointCount: count,
            settings: RecoverySettings(initialInterval: .seconds(1), maxInterval: .seconds(8), jitter: 0),
            patience: patience
        )
    }

    @Test func `it connects, says that nothing is due, and connects again when the connection ends`() {
        var (keeper, seed) = (Self.keeper(), Seed(1))
        #expect(keeper.next(now: 0, using: &seed) == .connect(0))
        #expect(keeper.next(now: 0, using: &seed) == .wait(until: .max))
        keeper.connected(now: 0)
        #expect(keeper.next(now: 5, using: &seed) == .wait(until: .max))
        #expect(keeper.lastError == nil)
        keeper.ended(Self.lost, now: 60 * Self.second, using: &seed)
        #expect(keeper.lastError == Self.lost)
        #expect(keeper.next(now: 60 * Self.second, using: &seed) == .connect(0))
        keeper.connected(now: 61 * Self.second)
        #expect(keeper.lastError == nil)
    }

    @Test func `a limit that is reached at the first start is waited for, and named`() {
        var (keeper, seed) = (Self.keeper(), Seed(1))
        var now: UInt64 = 0
        for wait: UInt64 in [1, 2, 4, 8, 8] {
            #expect(keeper.next(now: now, using: &seed) == .connect(0))
            keeper.failed(Self.full, now: now, using: &seed)
            #expect(keeper.lastError == Self.full)
            now += wait * Self.second
            #expect(keeper.next(now: now - 1, using: &seed) == .wait(until: now))
        }
    }

    @Test func `a refusal at the first start is the end, once user and password were read again`() {
        var (keeper, seed) = (Self.keeper(), Seed(1))
        #expect(keeper.next(now: 0, using: &seed) == .connect(0))
        keeper.failed(Self.badLogin, now: 0, using: &seed)
        #expect(keeper.next(now: 0, using: &seed) == .renew)
        keeper.renewed(endpoints: nil, now: 0, using: &seed)
        #expect(keeper.next(now: 0, using: &seed) == .giveUp(Self.badLogin))
        #expect(keeper.next(now: Self.second, using: &seed) == .giveUp(Self.badLogin))
        // Nothing to read again there.
        keeper = Self.keeper()
        _ = keeper.next(now: 0, using: &seed)
        keeper.failed(Self.noHost, now: 0, using: &seed)
        #expect(keeper.next(now: 0, using: &seed) == .giveUp(Self.noHost))
    }

    @Test func `a new password is tried at once, each time there is one`() {
        var (keeper, seed) = (Self.keeper(), Seed(1))
        for _ in 0..<3 {
            #expect(keeper.next(now: 0, using: &seed) == .connect(0))
            keeper.failed(Self.badLogin, now: 0, using: &seed)
            #expect(keeper.next(now: 0, using: &seed) == .renew)
            keeper.renewed(endpoints: 1, now: 0, using: &seed)
        }
        #expect(keeper.next(now: 0, using: &seed) == .connect(0))
        keeper.connected(now: 0)
        #expect(keeper.lastError == nil)
    }

    @Test func `a password that was right is tried less and less often, for an hour`() {
        var (keeper, seed) = (Self.keeper(), Seed(1))
        _ = keeper.next(now: 0, using: &seed)
        keeper.connected(now: 0)
        var now = 100 * Self.second
        keeper.ended(Self.lost, now: now, using: &seed)
        var (attempts, last): (Int, ConnectionKeeper.Step) = (0, .renew)
        while now < 7200 * Self.second {
            last = keeper.next(now: now, using: &seed)
            switch last {
            case .connect:
                attempts += 1
                keeper.failed(Self.badLogin, now: now, using: &seed)
            case .renew: keeper.renewed(endpoints: nil, now: now, using: &seed)
            case .wait(let time): now = time
            case .giveUp: now = .max
            }
        }
        #expect(last == .giveUp(Self.badLogin))
        #expect((15...30).contains(attempts), "\(attempts)")
    }

    @Test func `a login that went well between two refusals begins the hour anew`() {
        var (keeper, seed) = (Self.keeper(), Seed(1))
        _ = keeper.next(now: 0, using: &seed)
        keeper.connected(now: 0)
        var (now, attempts) = (100 * Self.second, 0)
        keeper.ended(Self.lost, now: now, using: &seed)
        func step(_ login: AMQPError?) -> Bool {
            switch keeper.next(now: now, using: &seed) {
            case .connect where login == nil: keeper.connected(now: now)
            case .connect:
                attempts += 1
                keeper.failed(Self.badLogin, now: now, using: &seed)
            case .renew: keeper.renewed(endpoints: nil, now: now, using: &seed)
            case .wait(let time): now = time
            case .giveUp: return false
            }
            return true
        }
        while now < 3500 * Self.second, step(Self.badLogin) {}
        while keeper.lastError != nil, step(nil) {}
        keeper.ended(Self.lost, now: now, using: &seed)
        let begin = now
        attempts = 0
        while now < begin + 60 * Self.second, step(Self.badLogin) {}
        #expect(attempts > 3, "again a second after the first")
        while now < begin + 3500 * Self.second, step(Self.badLogin) {}
        #expect(now >= begin + 3500 * Self.second, "it gave up after \((now - begin) / Self.second) s")
    }

    @Test func `what may come back is waited for without end, with or without refusals before`() {
        for patience in [ConnectionKeeper.Patience.endless, .untilRefused] {
            var (keeper, seed) = (Self.keeper(1, patience), Seed(1))
            _ = keeper.next(now: 0, using: &seed)
            keeper.connected(now: 0)
            keeper.ended(Self.lost, now: 100 * Self.second, using: &seed)
            var now = 100 * Self.second
            for _ in 0..<2000 {
                switch keeper.next(now: now, using: &seed) {
                case .connect: keeper.failed(Self.badLogin, now: now, using: &seed)
                case .renew: keeper.renewed(endpoints: nil, now: now, using: &seed)
                case .wait(let time): now = time
                case .giveUp: Issue.record("gave up")
                }
            }
            #expect(now > 86_400 * Self.second)
        }
    }

    @Test func `whoever wants it at once gets one round`() {
        var (keeper, seed) = (Self.keeper(2, .once), Seed(1))
        for _ in 0..<2 {
            guard case .connect = keeper.next(now: 0, using: &seed) else { return #expect(Bool(false)) }
            keeper.failed(Self.lost, now: 0, using: &seed)
        }
        #expect(keeper.next(now: 0, using: &seed) == .giveUp(Self.lost))
    }

    @Test func `a broker that allows fewer channels is asked for no more`() {
        var (keeper, seed) = (Self.keeper(), Seed(1))
        let text =
            "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of (5)"
        let tooMany = AMQPError(closeCode: .notAllowed, text: text, classID: 20, methodID: 10, scope: .connection)
        _ = keeper.next(now: 0, using: &seed)
        keeper.connected(now: 0)
        #expect(keeper.channelMax == 0)
        keeper.ended(tooMany, now: 10 * Self.second, using: &seed)
        #expect(keeper.channelMax == 5)
        _ = keeper.next(now: 10 * Self.second, using: &seed)
        keeper.failed(tooMany, now: 10 * Self.second, using: &seed)
        #expect(keeper.channelMax == 4)
    }

    @Test func `random lives: one attempt at a time, each answered, and a step for each`() {
        let base = Seed()
        var seed = base
        for _ in 0..<500 {
            var keeper = Self.keeper(Int.random(in: 1...3, using: &seed), .endless)
            var (now, isConnecting): (UInt64, Bool) = (0, false)
            for _ in 0..<200 {
                let luck = Int.random(in: 0..<4, using: &seed)
                switch keeper.next(now: now, using: &seed) {
                case .connect:
                    #expect(!isConnecting, "\(base.replay)")
                    isConnecting = true
                    now += UInt64.random(in: 0...Self.second, using: &seed)
                    if luck == 0 {
                        keeper.connected(now: now)
                    } else {
                        keeper.failed(luck == 1 ? Self.badLogin : Self.lost, now: now, using: &seed)
                    }
                    isConnecting = false
                case .renew: keeper.renewed(endpoints: luck == 0 ? 2 : nil, now: now, using: &seed)
                case .wait(.max):
                    now += UInt64.random(in: 0...5 * Self.second, using: &seed)
                    keeper.ended(Self.lost, now: now, using: &seed)
                case .wait(let time):
                    #expect(time > now, "\(base.replay)")
                    now = time
                case .giveUp: Issue.record("gave up: \(base.replay)")
                }
            }
            #expect(now > 0)
        }
    }

    @Test(arguments: [1, 2, 5]) func `other endpoints hold from the next attempt on, however many there were`(
        _ count: Int
    ) {
        for seed in 1...50 as ClosedRange<UInt64> {
            for moment in 0..<3 {
                var generator = Seed(seed)
                var keeper = Self.keeper(3)
                _ = keeper.next(now: 0, using: &generator)
                if moment == 0 { keeper.replaced(endpoints: count) }  // an attempt is under way
                if moment == 1 {
                    keeper.connected(now: 1)
                    keeper.replaced(endpoints: count)
                    #expect(keeper.next(now: 2, using: &generator) == .wait(until: .max), "the connection stays")
                    keeper.ended(Self.lost, now: 100 * Self.second, using: &generator)
                } else {
                    keeper.failed(moment == 2 ? Self.badLogin : Self.lost, now: 1, using: &generator)
                    if moment == 2 { keeper.replaced(endpoints: count) }
                }
                var tried: Set<Int> = []
                var now = 200 * Self.second
                for _ in 0..<20 {
                    if case .connect(let index) = keeper.next(now: now, using: &generator) {
                        tried.insert(index)
                        keeper.failed(Self.lost, now: now, using: &generator)
                    }
                    now += 20 * Self.second
                }
                #expect(tried == Set(0..<count), "moment \(moment)")
            }
        }
    }
}
