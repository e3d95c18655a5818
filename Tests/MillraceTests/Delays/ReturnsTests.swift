import Millrace
import TestSupport
import Testing

/// Copies that wait, in virtual time.
@Suite struct ReturnsTests {
    private typealias Place = Returns.Place
    private static let second: UInt64 = 1_000_000_000
    private static let long = Place(home: 0, stage: 3)

    private static func settings(window: Int = 4) -> DelaySettings {
        var settings = DelaySettings()
        settings.window = window
        return settings
    }

    /// Arrives at 0 s, with these seconds to wait in its stage and in all.
    private static func arrive(_ returns: inout Returns, _ token: UInt64, _ place: Place, stage: UInt64, due: UInt64) {
        returns.arrived(token, at: place, stageEnd: stage * Self.second, due: due * Self.second, now: 0)
    }

    @Test func `a copy goes home when its wait is over, and leaves when that is confirmed`() {
        var returns = Returns(Self.settings())
        Self.arrive(&returns, 1, Place(home: 0, stage: 1), stage: 1, due: 2)
        let first = returns.advance(now: 0)
        #expect(first == ([], 2 * Self.second))
        let (steps, wake) = returns.advance(now: 2 * Self.second)
        #expect(steps.map(\.token) == [1])
        #expect(steps.map(\.target) == [.home])
        #expect(wake == nil)
        let last = returns.advance(now: 3 * Self.second)
        #expect(last == ([], nil))
        #expect(returns.confirmed(1) == false)
        #expect(returns.count == 0)
    }

    @Test func `in a full window what has done its stage makes room for what is due behind it`() {
        var returns = Returns(Self.settings(window: 2))
        let place = Place(home: 0, stage: 1)
        Self.arrive(&returns, 1, place, stage: 1, due: 5)
        #expect(returns.advance(now: Self.second).steps == [], "there is room: it is held to the end")
        Self.arrive(&returns, 2, place, stage: 1, due: 40)
        let steps = returns.advance(now: Self.second).steps.sorted { $0.token < $1.token }
        #expect(steps.map(\.target) == [.stage(1, wait: 4_000), .stage(2, wait: 39_000)])
    }

    @Test func `nobody is held for longer than the broker allows`() {
        var returns = Returns(Self.settings())
        Self.arrive(&returns, 1, Self.long, stage: 256, due: 604_800)
        let first = returns.advance(now: 0)
        #expect(first == ([], 256 * Self.second))
        #expect(returns.advance(now: 256 * Self.second).steps.map(\.target) == [.stage(3, wait: 604_544_000)])
    }

    @Test func `when the broker takes back what is held, less is held from then on, in shorter stages`() {
        var returns = Returns(Self.settings())
        Self.arrive(&returns, 1, Self.long, stage: 256, due: 1_000)
        returns.holdLess(now: 60 * Self.second)
        #expect(returns.longestHold == 15 * Self.second)
        returns.lostAll()
        returns.arrived(2, at: Self.long, stageEnd: 256 * Self.second, due: 1_000 * Self.second, now: 60 * Self.second)
        #expect(returns.advance(now: 60 * Self.second).steps.map(\.target) == [.stage(1, wait: 940_000)])
        returns.holdLess(now: 61 * Self.second)
        #expect(returns.longestHold == 15 * Self.second, "an end after a second says nothing about time")
    }

    @Test func `a home that takes nothing is tried with one copy at a time, more and more rarely, and costs no other`()
    {
        var returns = Returns(Self.settings())
        let other = Place(home: 1, stage: 0)
        for token in 1...3 as ClosedRange<UInt64> {
            Self.arrive(&returns, token, Place(home: 0, stage: 0), stage: 0, due: 0)
        }
        Self.arrive(&returns, 9, other, stage: 0, due: 0)
        #expect(returns.advance(now: 0).steps.count == 4)
        #expect(returns.refused(1, now: 0) == 200_000_000)
        #expect(returns.refused(2, now: 0) == nil)
        #expect(returns.refused(3, now: 0) == nil)
        returns.confirmed(9)
        var now: UInt64 = 0
        var waits: [UInt64] = []
        for _ in 0..<9 {
            let (none, wake) = returns.advance(now: now)
            #expect(none == [])
            guard let wake else { return #expect(Bool(false), "nothing is tried again") }
            waits.append((wake - now) / 1_000_000)
            now = wake
            let (steps, _) = returns.advance(now: now)
            #expect(steps.count == 1)
            #expect(returns.advance(now: now).steps == [], "one at a time")
            #expect(returns.refused(steps[0].token, now: now) == nil)
        }
        #expect(waits == [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000])
        now += 15 * Self.second
        let probe = returns.advance(now: now).steps
        #expect(returns.confirmed(probe[0].token) == true, "it was in trouble before")
        #expect(returns.advance(now: now).steps.count == 2, "all the others follow")
    }

    @Test func `one that its queue has given out too often goes into a queue anew, for the rest of its wait`() {
        var returns = Returns(Self.settings())
        let hour = 3_600 * Self.second
        returns.arrived(1, at: Self.long, stageEnd: 256 * Self.second, due: hour, isWorn: true, now: 0)
        returns.arrived(2, at: Self.long, stageEnd: 256 * Self.second, due: hour, now: 0)
        let steps = returns.advance(now: 0).steps
        #expect(steps.map(\.token) == [1])
        #expect(steps.map(\.target) == [.stage(3, wait: 3_600_000)])
        returns.confirmed(1)
        #expect(returns.count == 1)
    }

    @Test func `one that goes alone and has no answer does not hold up the others`() {
        var returns = Returns(Self.settings())
        for token in 1...2 as ClosedRange<UInt64> {
            Self.arrive(&returns, token, Place(home: Int(token), stage: 0), stage: 0, due: 0)
        }
        #expect(returns.advance(now: 0).steps.count == 2)
        #expect(returns.channelEnded(now: 0) == nil)
        let (first, _) = returns.advance(now: 0)
        #expect(first.map(\.token) == [1])
        let none = returns.advance(now: Self.second)
        #expect(none == ([], Returns.patience))
        #expect(returns.advance(now: Returns.patience).steps.map(\.token) == [2])
        returns.confirmed(2)
        #expect(returns.advance(now: 16 * Self.second).steps.map(\.token) == [1])
    }

    @Test func `one that can not go for now is asked about again when the longest pause is over`() {
        var returns = Returns(Self.settings())
        Self.arrive(&returns, 1, Place(home: 0, stage: 0), stage: 0, due: 0)
        #expect(returns.advance(now: 0).steps.count == 1)
        returns.unsent(1)
        returns.postponed(1, now: 0)
        let none = returns.advance(now: Self.second)
        #expect(none == ([], 15 * Self.second))
        #expect(returns.advance(now: 15 * Self.second).steps.count == 1)
    }

    @Test
    func `when the channel ends each copy that was on its way goes alone, and the one that ends it again is named`() {
        var returns = Returns(Self.settings())
        let place = Place(home: 0, stage: 0)
        for token in 1...3 as ClosedRange<UInt64> { Self.arrive(&returns, token, place, stage: 0, due: 0) }
        #expect(returns.advance(now: 0).steps.count == 3)
        #expect(returns.channelEnded(now: 0) == nil)
        #expect(returns.advance(now: 0).steps.map(\.token) == [1])
        #expect(returns.advance(now: 0) == ([], Returns.patience))
        returns.confirmed(1)
        #expect(returns.advance(now: 0).steps.map(\.token) == [2])
        #expect(returns.channelEnded(now: 0) == 2)
        #expect(returns.advance(now: 0).steps.map(\.token) == [3])
        returns.confirmed(3)
        let rest = returns.advance(now: 0)
        #expect(rest == ([], 15 * Self.second), "the guilty one is left alone for a while")
    }

    @Test func `a copy that goes alone and is not answered keeps the others of other homes waiting once`() {
        var returns = Returns(Self.settings())
        for token in 1...3 as ClosedRange<UInt64> {
            Self.arrive(&returns, token, Place(home: 0, stage: 0), stage: 0, due: 0)
        }
        Self.arrive(&returns, 4, Place(home: 1, stage: 0), stage: 0, due: 0)
        #expect(returns.advance(now: 0).steps.count == 4)
        #expect(returns.channelEnded(now: 0) == nil)
        #expect(returns.advance(now: 0).steps.map(\.token) == [1])
        #expect(returns.advance(now: 1).steps == [])
        #expect(returns.advance(now: Returns.patience).steps.map(\.token) == [4])
        returns.confirmed(4)
        #expect(returns.advance(now: Returns.patience).steps == [], "its home is in trouble")
        #expect(returns.advance(now: 2 * Returns.patience).steps.count == 1)
    }

    @Test func `a channel is suspected by the second refusal in a row, and what it leaves unanswered goes again`() {
        var returns = Returns(Self.settings())
        Self.arrive(&returns, 1, Place(home: 0, stage: 0), stage: 0, due: 0)
        Self.arrive(&returns, 2, Place(home: 1, stage: 0), stage: 0, due: 0)
        #expect(returns.advance(now: 0).steps.count == 2)
        _ = returns.refused(1, now: 0)
        #expect(!returns.suspectsChannel(toHomeOf: 1))
        #expect(returns.advance(now: Self.second).steps.map(\.token) == [1])
        _ = returns.refused(1, now: Self.second)
        #expect(returns.suspectsChannel(toHomeOf: 1))
        #expect(!returns.suspectsChannel(toHomeOf: 2))
        returns.channelReplaced()
        #expect(Set(returns.advance(now: 2 * Self.second).steps.map(\.token)) == [1, 2])
        returns.confirmed(1)
        #expect(!returns.suspectsChannel(toHomeOf: 1))
    }

    @Test func `what a lost consumer had in hand is forgotten, and the rest goes on`() {
        var returns = Returns(Self.settings())
        Self.arrive(&returns, 1, Place(home: 0, stage: 0), stage: 0, due: 0)
        Self.arrive(&returns, 2, Place(home: 1, stage: 0), stage: 0, due: 0)
        #expect(returns.lost(Place(home: 0, stage: 0)) == [1])
        #expect(returns.advance(now: 0).steps.map(\.token) == [2])
        #expect(returns.refused(1, now: 0) == nil)
        #expect(returns.confirmed(1) == false)
        #expect(returns.count == 1)
    }

    /// A broker of a few numbers: what is in a queue, in hand, or home.
    ///
    /// Any order of events ends with everything home,
    /// each copy once and never before its time.
    @Test(arguments: 0..<200)
    func `in whatever order things happen, every copy comes home, none before its time`(_ number: Int) {
        var seed = Seed(UInt64(number))
        let settings = Self.settings(window: Int.random(in: 1...5, using: &seed))
        var returns = Returns(settings)
        var now: UInt64 = 1
        struct Waiting { var stageEnd: UInt64, due: UInt64, place: Place, id: Int }
        var queues: [Place: [Waiting]] = [:]
        var hands: [UInt64: Waiting] = [:]
        var sent: [UInt64: Returns.Target] = [:]
        var home: [Int: UInt64] = [:]
        var due: [Int: UInt64] = [:]
        var nextToken: UInt64 = 1
        func put(_ id: Int, _ wait: Int, _ homeNumber: Int) {
            let stage = settings.ladder.stage(for: wait)
            let length = stage == 0 ? wait : settings.ladder.stages[stage]
            let place = Place(home: homeNumber, stage: stage)
            queues[place, default: []].append(
                Waiting(
                    stageEnd: now + UInt64(length) * 1_000_000,
                    due: now + UInt64(wait) * 1_000_000,
                    place: place,
                    id: id
                )
            )
        }
        for id in 0..<30 {
            let wait = Int.random(in: 1...600_000, using: &seed)
            due[id] = now + UInt64(wait) * 1_000_000
            put(id, wait, id % 3)
        }
        var calm = 0
        while home.count < 30, calm < 20_000 {
            calm += 1
            let isQuiet = calm > 2_000  // faults stop, and everything has to come home
            for place in queues.keys.sorted(by: { ($0.home, $0.stage) < ($1.home, $1.stage) }) {
                while let first = queues[place]?.first,
                    hands.values.count(where: { $0.place == place }) < settings.window
                {
                    queues[place]?.removeFirst()
                    hands[nextToken] = first
                    returns.arrived(nextToken, at: place, stageEnd: first.stageEnd, due: first.due, now: now)
                    nextToken += 1
                }
            }
            let (steps, wake) = returns.advance(now: now)
            for step in steps {
                #expect(sent[step.token] == nil, "sent twice")
                sent[step.token] = step.target
                if case .home = step.target { #expect(hands[step.token].map { $0.due <= now } == true) }
            }
            let token = sent.keys.sorted().first
            switch Int.random(in: 0..<(isQuiet ? 2 : 8), using: &seed) {
            case 2 where token != nil:
                guard let token else { break }
                _ = returns.refused(token, now: now)
                sent[token] = nil
            case 3:
                _ = returns.channelEnded(now: now)
                sent = [:]
            case 4:
                guard let place = hands.values.map(\.place).min(by: { ($0.home, $0.stage) < ($1.home, $1.stage) })
                else { break }
                let lost = returns.lost(place).sorted()
                for token in lost.reversed() {
                    guard let hand = hands.removeValue(forKey: token) else { continue }
                    queues[place, default: []].insert(hand, at: 0)
                    sent[token] = nil
                }
            case 5 where Int.random(in: 0..<10, using: &seed) == 0:
                returns.lostAll()
                for (_, hand) in hands.sorted(by: { $0.key > $1.key }) {
                    queues[hand.place, default: []].insert(hand, at: 0)
                }
                hands = [:]
                sent = [:]
            default:
                if let token, let target = sent.removeValue(forKey: token), let hand = hands.removeValue(forKey: token)
                {
                    returns.confirmed(token)
                    switch target {
                    case .home:
                        #expect(home[hand.id] == nil, "home twice")
                        home[hand.id] = now
                    case .stage(_, let wait): put(hand.id, wait, hand.place.home)
                    }
                } else {
                    now = max(now + 1, min(wake ?? now + Self.second, now + 20 * Self.second))
                }
            }
        }
        #expect(home.count == 30)
        for (id, time) in home { #expect(time >= due[id] ?? .max) }
    }

    /// One copy of a home that refused it, tried again.
    private static func tried() -> Returns {
        var returns = Returns(Self.settings())
        Self.arrive(&returns, 1, Place(home: 0, stage: 0), stage: 0, due: 0)
        _ = returns.advance(now: 0)
        _ = returns.refused(1, now: 0)
        #expect(returns.advance(now: Self.second).steps.map(\.token) == [1])
        #expect(returns.advance(now: Self.second).steps == [])
        return returns
    }

    @Test func `whatever becomes of the one that a home in trouble is tried with, the home is tried again`() {
        var unsent = Self.tried()
        unsent.unsent(1)
        #expect(unsent.advance(now: Self.second).steps.map(\.token) == [1])
        var replaced = Self.tried()
        replaced.channelReplaced()
        #expect(replaced.advance(now: Self.second).steps.map(\.token) == [1])
        var lost = Self.tried()
        #expect(lost.lost(Place(home: 0, stage: 0)) == [1])
        Self.arrive(&lost, 2, Place(home: 0, stage: 0), stage: 0, due: 0)
        #expect(lost.advance(now: Self.second).steps.map(\.token) == [2])
        var lostAll = Self.tried()
        lostAll.lostAll()
        Self.arrive(&lostAll, 3, Place(home: 0, stage: 0), stage: 0, due: 0)
        #expect(lostAll.advance(now: Self.second).steps.map(\.token) == [3])
    }

    @Test func `what is left of a wait is rounded up, so that no copy is early`() {
        var returns = Returns(Self.settings())
        returns.arrived(1, at: Self.long, stageEnd: Self.second, due: 3600 * Self.second + 1, isWorn: true, now: 0)
        #expect(returns.advance(now: 0).steps.map(\.target) == [.stage(3, wait: 3_600_001)])
    }
}
