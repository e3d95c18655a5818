import AMQPClient
import AMQPWire
import TestSupport
import Testing

@testable import Millrace

/// Places that are there, or not, as a test says.
private final class FakePlaces: CopyPlaces {
    typealias Line = FakeLine
    var refusal: AMQPError?
    /// Whether each place has to be asked for on a channel of its own.
    var asks = false
    private(set) var forgotten: [String] = []

    func place(
        for target: CopyOrder.Target,
        of original: Original,
        _ open: () throws(AMQPError) -> FakeLine
    ) throws(AMQPError) -> CopyPlace {
        if self.asks { _ = try open() }
        if let refusal = self.refusal { throw refusal }
        switch target {
        case .deadLetter: return CopyPlace(address: CopyAddress(queue: "dead"), delay: nil)
        case .delay(let wait):
            let note = DelayNote(wait: wait.milliseconds, stage: 1, now: 0)
            return CopyPlace(address: CopyAddress(queue: "delay"), delay: note)
        }
    }

    func forget(_ address: CopyAddress) { self.forgotten.append(address.key) }
}

/// Copies and what becomes of their originals; no broker and no clock.
@Suite struct ParkingTests {
    private let lines = FakeLines()
    private let asides = FakeLines()
    private let places = FakePlaces()

    private func parking(watch: Parking<FakePlaces>.Watch? = nil) -> Parking<FakePlaces> {
        let (lines, asides) = (self.lines, self.asides)
        let openings = Parking<FakePlaces>.Openings(
            line: { () throws(AMQPError) in try lines.open() },
            aside: { () throws(AMQPError) in try asides.open() }
        )
        return Parking(self.places, openings, watch: watch)
    }

    private func original(_ tag: UInt64, _ headers: FieldTable? = nil) -> Original {
        Original(
            deliveryTag: tag,
            queue: "work",
            exchange: Array("orders".utf8),
            routingKey: Array("new".utf8),
            firstKey: Array("new".utf8),
            properties: BasicProperties(headers: headers),
            body: [1, 2],
            deaths: MessageDeaths(nil)
        )
    }

    private static let note = FailureNote(job: "job", queue: "work", place: "p", error: "why", time: 1, reason: nil)
    private static let retry = CopyOrder(
        target: .delay(Wait(milliseconds: 100)),
        settlement: .retried,
        attempt: 2,
        note: note
    )
    private static let death = CopyOrder(target: .deadLetter, settlement: .deadLettered, attempt: 1, note: note)

    private func park(
        _ parking: inout Parking<FakePlaces>,
        _ tag: UInt64,
        _ order: CopyOrder = Self.retry,
        isServed: Bool = true,
        now: UInt64 = 0
    ) {
        parking.park(self.original(tag), order, seal: CopySeal(user: "me"), isServed: isServed, now: now)
    }

    private func told(_ parking: inout Parking<FakePlaces>) -> [String] {
        var told: [String] = []
        while let outcome = parking.nextOutcome() {
            switch outcome {
            case .placed(let tag, let settlement): told.append("\(tag) \(settlement)")
            case .notPlaced(let tags, _): told.append("\(tags) not placed")
            case .uncopyable(let tag, _, _): told.append("\(tag) uncopyable")
            }
        }
        return told
    }

    @Test func `an original is done when the broker has confirmed its copy, and not before`() {
        var parking = self.parking()
        self.park(&parking, 1)
        #expect(self.told(&parking) == [] && parking.count == 1)
        let copy = self.lines.newest.sent.first
        #expect(copy?.key == "delay" && copy?.exchange == "")
        #expect(copy?.properties.userID == "me")
        #expect(copy?.properties.headers?[JobHeaders.attempt]?.intValue == 2)
        #expect(copy?.properties.headers?[JobHeaders.exchange]?.stringValue == "orders")
        #expect(copy?.properties.headers?[JobHeaders.routingKey]?.stringValue == "new")
        #expect(copy?.properties.headers?[JobHeaders.error]?.stringValue == "why")
        self.lines.newest.answer()
        parking.takeIn(isServed: true, now: 0)
        #expect(self.told(&parking) == ["1 retried"])
        #expect(parking.isEmpty)
    }

    @Test func `a copy that the broker never answers goes again on another channel`() {
        var parking = self.parking()
        self.park(&parking, 1)
        let first = self.lines.newest
        func goOn() -> Bool {
            for _ in 0..<2 where parking.lookAfterSilence(now: parking.wake ?? 0) { return true }
            return false
        }
        first.blockings = 1
        #expect(!goOn() && self.lines.all.count == 1, "the broker blocked it: it could not be answered")
        self.lines.refusal = .broken
        #expect(!goOn(), "there is no other one")
        #expect(parking.count == 1)
        self.lines.refusal = nil
        #expect(goOn())
        #expect(first.givenUp == "it leaves copies without an answer")
        #expect(self.lines.newest.sent.map(\.key) == ["delay"])
        self.lines.newest.answer()
        parking.takeIn(isServed: true, now: 0)
        #expect(self.told(&parking) == ["1 retried"])
        #expect(parking.wake == nil)
    }

    @Test func `a dead letter says in which queue it died`() {
        var parking = self.parking()
        self.park(&parking, 1, Self.death)
        let headers = self.lines.newest.sent.first?.properties.headers
        #expect(headers?[JobHeaders.diedIn]?.arrayValue == [.string("work")])
        #expect(self.lines.newest.sent.first?.key == "dead")
    }

    @Test func `a copy that no queue takes is not placed, and its queue is made sure of again`() {
        var parking = self.parking()
        self.park(&parking, 1)
        self.lines.newest.answer(nil, .returned)
        parking.takeIn(isServed: true, now: 0)
        #expect(self.told(&parking) == ["[1] not placed"])
        #expect(self.places.forgotten == ["delay"])
    }

    @Test func `a copy that is refused is not tried again here: its original goes back`() {
        var parking = self.parking()
        self.park(&parking, 1)
        self.park(&parking, 2)
        self.lines.newest.answer(nil, .refused)
        self.lines.newest.answer(nil, .refused)
        parking.takeIn(isServed: true, now: 0)
        #expect(self.told(&parking) == ["[1, 2] not placed"])
        #expect(parking.isEmpty)
    }

    @Test func `what can not be sent goes without what failed, and if that does not help it can not be copied`() {
        var parking = self.parking()
        self.park(&parking, 1)
        let line = self.lines.newest
        let whole = (line.sent.first?.properties.headers?.entries ?? []).map { "\($0.value)".utf8.count }.reduce(0, +)
        line.headerLimit = whole - 1
        self.park(&parking, 2)
        #expect(line.sent.last?.properties.headers?[JobHeaders.error] == nil)
        #expect(line.sent.last?.properties.headers?[JobHeaders.attempt]?.intValue == 2)
        line.headerLimit = 0
        self.park(&parking, 3)
        #expect(self.told(&parking) == ["3 uncopyable"])
    }

    @Test func `a place that can not be had costs its message alone`() {
        var parking = self.parking()
        self.places.refusal = .notFound
        self.park(&parking, 1)
        self.places.refusal = nil
        self.park(&parking, 2)
        #expect(self.told(&parking) == ["[1] not placed"])
        #expect(self.lines.newest.sent.count == 1)
        #expect(parking.takePause() == 0)
    }

    @Test func `with the connection all go back; with its own channel nothing is told`() {
        var parking = self.parking()
        for tag: UInt64 in 1...2 { self.park(&parking, tag) }
        self.lines.newest.end(.broken)
        parking.takeIn(isServed: true, now: 0)
        #expect(self.told(&parking) == ["[1, 2] not placed"])
        self.park(&parking, 3)
        self.lines.newest.end(.broken)
        parking.takeIn(isServed: false, now: 0)
        #expect(self.told(&parking) == [])
        #expect(parking.removeAll() == [3])
    }

    @Test func `a message that ends the channel twice can not be copied; a target that is gone is not its fault`() {
        var parking = self.parking()
        let tooLarge = AMQPError(AMQPError.Code(.preconditionFailed), scope: .channel(1), text: "larger than max size")
        for tag: UInt64 in 1...2 { self.park(&parking, tag) }
        self.lines.newest.end(tooLarge)
        parking.takeIn(isServed: true, now: 0)
        #expect(self.told(&parking) == [], "nobody knows which one it was")
        #expect(self.lines.newest.sent.count == 1, "each goes alone")
        self.lines.newest.end(tooLarge)
        parking.takeIn(isServed: true, now: 1)
        #expect(self.told(&parking) == ["1 uncopyable", "[2] not placed"], "the next channel waits")
        let later: UInt64 = 60_000_000_000
        self.park(&parking, 3, now: later)
        self.lines.newest.end(.notFound)
        parking.takeIn(isServed: true, now: later)
        #expect(self.told(&parking) == ["[3] not placed"])
    }

    @Test func `while no channel may be opened nothing is placed, and no handler should begin`() {
        var parking = self.parking()
        let tooLarge = AMQPError(AMQPError.Code(.preconditionFailed), scope: .channel(1), text: "larger than max size")
        for tag: UInt64 in 1...4 {
            self.park(&parking, tag)
            self.lines.newest.end(tooLarge)
            parking.takeIn(isServed: true, now: 0)
        }
        _ = self.told(&parking)
        let opened = self.lines.all.count
        self.park(&parking, 9)
        #expect(self.told(&parking) == ["[9] not placed"])
        #expect(self.lines.all.count == opened)
        let pause = parking.takePause()
        #expect(pause > 0)
        #expect(parking.takePause() == 0, "said once")
        self.park(&parking, 10, now: pause)
        #expect(self.lines.all.count == opened + 1)
    }

    @Test func `a broker that blocks is asked less and less often`() {
        var parking = self.parking()
        self.places.asks = true
        self.asides.refusal = AMQPError(
            AMQPError.Code(.preconditionFailed),
            scope: .channel(1),
            text: "Server low on disk space"
        )
        for tag: UInt64 in 1...3 { self.park(&parking, tag) }
        self.asides.refusal = nil
        self.park(&parking, 4)
        #expect(self.told(&parking).count == 4)
        #expect(self.asides.all.isEmpty, "not asked during the pause")
        self.park(&parking, 5, now: parking.takePause())
        #expect(self.asides.all.count == 1)
    }

    @Test func `somebody else sees which originals the broker has`() {
        var placements = Placements()
        var parking = self.parking { change in change(&placements) }
        for tag: UInt64 in 1...2 { self.park(&parking, tag, tag == 2 ? Self.death : Self.retry) }
        self.lines.newest.answer("dead")
        parking.takeIn(isServed: true, now: 0)
        #expect(placements.placed == [Placements.Placed(tag: 2, settlement: .deadLettered)])
    }

    @Test func `whatever the broker does, each original has one end`() {
        var seed = Seed()
        let tooLarge = AMQPError(AMQPError.Code(.preconditionFailed), scope: .channel(1), text: "larger than max size")
        for _ in 0..<500 {
            (self.lines.refusal, self.places.refusal) = (nil, nil)
            var parking = self.parking()
            var ends: [UInt64: Int] = [:]
            var (added, now) = (UInt64(0), UInt64(1))
            func tell() {
                while let outcome = parking.nextOutcome() {
                    switch outcome {
                    case .placed(let tag, _), .uncopyable(let tag, _, _): ends[tag, default: 0] += 1
                    case .notPlaced(let tags, _): for tag in tags { ends[tag, default: 0] += 1 }
                    }
                }
            }
            for _ in 0..<Int.random(in: 1...100, using: &seed) {
                now += UInt64.random(in: 0...1_000_000_000, using: &seed)
                let line = self.lines.newest
                switch Int.random(in: 0..<11, using: &seed) {
                case 0..<4:
                    added += 1
                    self.park(&parking, added, Bool.random(using: &seed) ? Self.retry : Self.death, now: now)
                case 4: line.answer(nil, [.confirmed, .refused, .returned].randomElement(using: &seed) ?? .confirmed)
                case 5, 6: line.answer()
                case 7: line.hasRoom.toggle()
                case 8:
                    if line.isOpen { line.end([.notFound, .broken, tooLarge].randomElement(using: &seed) ?? .broken) }
                case 9: self.lines.refusal = self.lines.refusal == nil ? .broken : nil
                default: self.places.refusal = self.places.refusal == nil ? .notFound : nil
                }
                parking.takeIn(isServed: true, now: now)
                parking.release(isServed: true, now: now)
                tell()
            }
            for tag in parking.removeAll() { ends[tag, default: 0] += 1 }
            #expect(ends.count == Int(added) && ends.values.allSatisfy { $0 == 1 }, "seed \(seed.value): \(ends)")
            guard ends.count == Int(added) else { return }
        }
    }
}
