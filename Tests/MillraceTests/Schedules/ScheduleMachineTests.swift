import Millrace
import TestSupport
import Testing

/// One schedule and several supervisors, in virtual time.
@Suite struct ScheduleMachineTests {
    private static let seconds = ScheduleRule.every(1000)

    /// Whether each of these times has come once, and all that lie between the first and the last.
    private static func isWhole(_ ticks: [Int64], every interval: Int64) -> Bool {
        guard let first = ticks.min(), let last = ticks.max() else { return false }
        return ticks.sorted() == Array(stride(from: first, through: last, by: Int64.Stride(interval)))
    }

    @Test(arguments: 1...40)
    func `leaders that end between any two steps lose no tick and double none`(run: UInt64) {
        var world = ScheduleWorld(Self.seconds, catchUp: .all, supervisors: 3, skew: 300, random: Seed(run * 7919))
        for index in world.supervisors { world.start(index) }
        for _ in 0..<40 {
            for _ in 0..<Int.random(in: 1...600, using: &world.random) { world.step() }
            let index = Int.random(in: world.supervisors, using: &world.random)
            world.end(Bool.random(using: &world.random) ? world.leader ?? index : index)
            for index in world.supervisors where Bool.random(using: &world.random) { world.start(index) }
        }
        for index in world.supervisors { world.start(index) }
        world.pass(20_000, step: 100)
        #expect(world.leadersEnded > 3)
        #expect(Self.isWhole(world.ticks, every: 1000), "run \(run): \(world.ticks.sorted())")
        #expect((world.ticks.max() ?? 0) >= world.now - 1400)
        #expect(world.leaderCount == 1)
    }

    @Test(arguments: 1...10)
    func `a queue that refuses gets the same tick again`(run: UInt64) {
        var world = ScheduleWorld(Self.seconds, catchUp: .all, supervisors: 2, random: Seed(run))
        world.refusesPercent = 30
        for index in world.supervisors { world.start(index) }
        world.pass(60_000, step: 50)
        world.refusesPercent = 0
        world.pass(40_000, step: 50)
        #expect(Self.isWhole(world.ticks, every: 1000))
        #expect(world.ticks.count >= 99)
    }

    private static func afterAnHour(_ catchUp: CatchUp, _ rule: ScheduleRule, deadline: Int64? = nil) -> [Int64] {
        var world = ScheduleWorld(rule, catchUp: catchUp, deadline: deadline, supervisors: 3, random: Seed(5))
        for index in world.supervisors { world.start(index) }
        world.pass(70_500, step: 250)
        for index in world.supervisors { world.end(index) }
        let before = world.ticks.count
        world.now += 3_600_000
        for index in world.supervisors { world.start(index) }
        world.settle()
        let passed = Array(world.ticks[before...])
        // Then it goes on as before.
        world.pass(120_000, step: 250)
        #expect(world.ticks.count > before + passed.count)
        #expect(Set(world.ticks).count == world.ticks.count)
        return passed
    }

    @Test func `after an hour with all down, latest makes one tick good, all makes all, and none makes none`() throws {
        let minutes = ScheduleRule.cron(try CronExpression("* * * * *"), .utc)
        let end: Int64 = 1_772_409_600_000 + 3_670_500
        #expect(Self.afterAnHour(.latest, minutes) == [end / 60_000 * 60_000])
        #expect(Self.afterAnHour(.latest, Self.seconds).count == 1)
        #expect(Self.afterAnHour(.all, minutes).count == 60)
        #expect(Self.afterAnHour(.all, Self.seconds).count == 3600)
        #expect(Self.afterAnHour(.all, minutes, deadline: 600_000).count == 10)
        #expect(Self.afterAnHour(.latest, minutes, deadline: 5000).isEmpty)
        #expect(Self.afterAnHour(.none, minutes).isEmpty)
        #expect(Self.afterAnHour(.none, minutes, deadline: 30_000).count == 1)
    }

    @Test func `a weekly schedule comes though every supervisor is replaced each day`() throws {
        let weekly = ScheduleRule.cron(try CronExpression("0 12 * * sun"), .utc)
        var world = ScheduleWorld(weekly, catchUp: .latest, supervisors: 2, random: Seed(3))
        world.start(0)
        for day in 0..<21 {
            world.pass(86_400_000, step: 60_000)
            world.start(1 - day % 2)
            world.settle()
            world.end(day % 2)
        }
        #expect(world.ticks == [1_772_971_200_000, 1_773_576_000_000, 1_774_180_800_000])
    }

    @Test func `many followers seed now and then, and a token is never older than it may be in hand`() throws {
        let daily = ScheduleRule.cron(try CronExpression("0 12 * * *"), .utc)
        var world = ScheduleWorld(daily, catchUp: .latest, supervisors: 20, random: Seed(9))
        for index in world.supervisors { world.start(index) }
        world.pass(3_600_000, step: 1000)
        #expect(world.seeds >= 20)
        #expect(world.seeds <= 20 * 13)
        #expect(world.leaderCount == 1)
        #expect(world.ticks.isEmpty)
    }

    // MARK: One machine alone

    private static func now(_ seconds: Int64, wall: Int64 = 0) -> ScheduleMachine.Now {
        ScheduleMachine.Now(wall: 1_772_409_600_000 + (seconds + wall) * 1000, steady: seconds * 1000)
    }

    private static func machine(_ catchUp: CatchUp = .all) -> ScheduleMachine {
        ScheduleMachine(Self.seconds, named: "rule", catchUp: catchUp, deadline: nil, shift: 0)
    }

    private static func leading(_ tokens: [ScheduleToken], _ catchUp: CatchUp = .all) -> ScheduleMachine {
        var machine = Self.machine(catchUp)
        machine.opened(Self.now(0))
        _ = machine.advance(Self.now(0))
        for (index, token) in tokens.enumerated() {
            machine.received(UInt64(index + 1), token, isWorn: false, Self.now(0))
        }
        _ = machine.advance(Self.now(0))
        machine.looked(ready: 0, Self.now(0))
        return machine
    }

    private static func token(_ kind: ScheduleToken.Kind, _ seconds: Int64, rule: String = "rule") -> ScheduleToken {
        ScheduleToken(kind, 1_772_409_600_000 + seconds * 1000, rule: rule)
    }

    @Test func `nothing is ticked before all tokens are read`() {
        var machine = Self.machine()
        machine.opened(Self.now(0))
        #expect(machine.advance(Self.now(0)).steps == [.seed(Self.token(.seed, 0))])
        machine.received(1, Self.token(.done, -5), isWorn: false, Self.now(1))
        #expect(machine.advance(Self.now(1)).steps == [.look])
        #expect(machine.advance(Self.now(2)).steps == [])
        machine.looked(ready: 1, Self.now(2))
        #expect(machine.advance(Self.now(3)).steps == [.look])
        machine.received(2, Self.token(.done, 2), isWorn: false, Self.now(3))
        machine.looked(ready: 0, Self.now(3))
        #expect(machine.advance(Self.now(3)).steps == [.ack([1]), .checkQueue])
        machine.queueChecked(isThere: true, Self.now(3))
        #expect(machine.advance(Self.now(3)).steps == [.tick(Self.token(.done, 3).time)])
        // One at a time.
        #expect(machine.advance(Self.now(9)).steps == [])
        machine.confirmed(Self.now(9))
        #expect(machine.advance(Self.now(9)).steps == [.tick(Self.token(.done, 4).time)])
    }

    @Test func `what is done goes by its maximum, and seeds by their minimum`() {
        #expect(
            Self.leading([Self.token(.done, -3), Self.token(.done, -1), Self.token(.seed, -9)]).basis
                == Self.token(.done, -1).time
        )
        #expect(
            Self.leading([Self.token(.seed, -3), Self.token(.seed, -9), Self.token(.seed, -1)]).basis
                == Self.token(.done, -9).time
        )
    }

    @Test func `the token that says most is kept, wherever it lies`() {
        var machine = Self.leading([Self.token(.done, -1), Self.token(.done, -3), Self.token(.seed, -9)])
        #expect(machine.advance(Self.now(0)).steps.first == .ack([2, 3]))
        machine = Self.leading([Self.token(.seed, -1), Self.token(.seed, -3), Self.token(.seed, -2)])
        #expect(machine.advance(Self.now(0)).steps.first == .ack([1, 3]))
    }

    @Test func `with other words it counts from when they were first seen`() {
        #expect(Self.leading([Self.token(.done, -90, rule: "old")]).basis == Self.token(.done, 0).time)
        let seeded = [Self.token(.done, -90, rule: "old"), Self.token(.seed, -30), Self.token(.seed, -60, rule: "old")]
        #expect(Self.leading(seeded).basis == Self.token(.done, -30).time)
        // And what is done is not done again.
        #expect(
            Self.leading([Self.token(.done, -10, rule: "old"), Self.token(.seed, -30)]).basis
                == Self.token(.done, -10).time
        )
    }

    @Test func `a time far ahead comes of a wrong clock and is forgotten`() {
        var machine = Self.leading([Self.token(.done, 86_400), Self.token(.seed, -5)])
        #expect(machine.basis == Self.token(.done, 0).time)
        #expect(machine.takeNotes() == [.wasAhead(86_400_000), .leads(since: Self.token(.done, 0).time)])
        // Its token goes when another one says what is done.
        #expect(machine.advance(Self.now(0)).steps == [])
        #expect(machine.advance(Self.now(5)).steps.contains(.checkQueue))
        machine.queueChecked(isThere: true, Self.now(5))
        #expect(machine.advance(Self.now(5)).steps == [.tick(Self.token(.done, 1).time)])
        machine.received(9, Self.token(.done, 1), isWorn: false, Self.now(5))
        machine.confirmed(Self.now(5))
        #expect(machine.advance(Self.now(5)).steps.first == .ack([1, 2]))
    }

    @Test func `a token is renewed before it is too old, and at once when it is worn`() {
        let daily = ScheduleRule.every(86_400_000)
        var machine = ScheduleMachine(daily, named: "rule", catchUp: .latest, deadline: nil, shift: 0)
        machine.opened(Self.now(0))
        machine.received(1, Self.token(.done, -5), isWorn: true, Self.now(0))
        _ = machine.advance(Self.now(0))
        machine.looked(ready: 0, Self.now(0))
        let token = Self.token(.done, -5)
        #expect(machine.advance(Self.now(0)).steps == [.refresh(token)])
        machine.confirmed(Self.now(0))
        machine.received(2, token, isWorn: false, Self.now(1))
        #expect(machine.advance(Self.now(1)).steps == [.ack([1])])
        #expect(machine.advance(Self.now(600)).steps == [])
        #expect(machine.advance(Self.now(601)).steps == [.refresh(token)])
    }

    @Test func `a tick whose token does not come is told to the clock queue alone`() {
        var machine = Self.leading([Self.token(.done, -1)])
        _ = machine.advance(Self.now(0))
        machine.queueChecked(isThere: true, Self.now(0))
        #expect(machine.advance(Self.now(0)).steps == [.tick(Self.token(.done, 0).time)])
        machine.confirmed(Self.now(0))
        for second in 1...4 {
            #expect(machine.advance(Self.now(Int64(second))).steps == [.tick(Self.token(.done, Int64(second)).time)])
            machine.confirmed(Self.now(Int64(second)))
        }
        #expect(machine.advance(Self.now(4)).steps == [])
        machine.closed()
        #expect(machine.basis == Self.token(.done, 4).time)
    }

    @Test func `without the job's queue nothing is ticked, and what was missed is made good`() {
        var machine = Self.leading([Self.token(.done, -1)])
        #expect(machine.advance(Self.now(0)).steps == [.checkQueue])
        machine.queueChecked(isThere: false, Self.now(0))
        #expect(machine.advance(Self.now(0)) == ([], 1000))
        #expect(machine.advance(Self.now(1)).steps == [.checkQueue])
        machine.queueChecked(isThere: false, Self.now(1))
        #expect(machine.advance(Self.now(2)) == ([], 3000))
        #expect(machine.advance(Self.now(3)).steps == [.checkQueue])
        machine.queueChecked(isThere: true, Self.now(3))
        #expect(machine.advance(Self.now(3)).steps == [.tick(Self.token(.done, 0).time)])
    }

    @Test func `the queue is looked for again before a tick if the last look is long ago`() {
        var machine = Self.leading([Self.token(.done, -1)], .latest)
        _ = machine.advance(Self.now(0))
        machine.queueChecked(isThere: true, Self.now(0))
        #expect(machine.advance(Self.now(59)).steps == [.tick(Self.token(.done, 59).time)])
        machine.confirmed(Self.now(59))
        #expect(machine.advance(Self.now(60)).steps == [.checkQueue])
    }

    @Test func `a clock that is set back makes no time come twice`() {
        var machine = Self.leading([Self.token(.done, 0)])
        _ = machine.advance(Self.now(1))
        machine.queueChecked(isThere: true, Self.now(1))
        #expect(machine.advance(Self.now(1)).steps == [.tick(Self.token(.done, 1).time)])
        machine.confirmed(Self.now(1))
        #expect(machine.advance(Self.now(2, wall: -1800)).steps == [])
    }
}
