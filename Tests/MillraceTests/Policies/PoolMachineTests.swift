import Millrace
import TestSupport
import Testing

@Suite struct PoolMachineTests {
    private typealias Action = PoolMachine.Action
    private typealias Worker = PoolMachine.Worker
    private static let second: UInt64 = 1_000_000_000

    private static func started(_ actions: [Action]) -> [Worker] {
        actions.compactMap { if case .start(let worker) = $0 { worker } else { nil } }
    }

    private static func drained(_ actions: [Action]) -> [Worker] {
        actions.compactMap { if case .drain(let worker) = $0 { worker } else { nil } }
    }

    @Test func `it starts as many as there should be, each in a place of its own, once`() {
        var pool = PoolMachine(threads: 3)
        let step1 = pool.next(now: 0)
        #expect(Self.started(step1).map(\.place) == [0, 1, 2])
        let step2 = pool.next(now: 1)
        #expect(step2.isEmpty && pool.wake == nil)
        #expect(pool.alive.count == 3)
    }

    @Test func `fewer: those with the highest places go, and when they have, their places are free`() {
        var pool = PoolMachine(threads: 4)
        let workers = Self.started(pool.next(now: 0))
        pool.setTarget(2)
        let step3 = pool.next(now: 0)
        #expect(step3 == [.drain(workers[3]), .drain(workers[2])])
        let step4 = pool.next(now: 0)
        #expect(step4.isEmpty)
        #expect(pool.alive.count == 4, "they have something in hand")
        pool.setTarget(3)
        let step5 = pool.next(now: 1)
        #expect(step5.isEmpty, "no more threads than there should be, while they go")
        pool.ended(workers[3])
        let step6 = pool.next(now: 1)
        #expect(step6.isEmpty)
        pool.ended(workers[2])
        let step7 = pool.next(now: 1)
        #expect(Self.started(step7).map(\.place) == [2])
    }

    @Test func `who leaves and hangs in a handler is not waited for longer than the patience`() {
        var pool = PoolMachine(threads: 2)
        let workers = Self.started(pool.next(now: 0))
        pool.setTarget(1)
        let step8 = pool.next(now: 0)
        #expect(step8 == [.drain(workers[1])])
        pool.setTarget(2)
        let step9 = pool.next(now: 0)
        #expect(step9.isEmpty)
        #expect(pool.wake == PoolMachine.patience)
        let step10 = pool.next(now: PoolMachine.patience)
        #expect(Self.started(step10).map(\.place) == [2])
        pool.ended(workers[1])
        let step11 = pool.next(now: 2 * PoolMachine.patience)
        #expect(step11.isEmpty)
    }

    @Test func `another definition: the old ones go, and each that has gone is followed by a new one`() {
        var pool = PoolMachine(threads: 2)
        let old = Self.started(pool.next(now: 0))
        let step12 = pool.setVersion()
        #expect(step12 == 1)
        let step13 = pool.next(now: 0)
        #expect(Set(Self.drained(step13)) == Set(old))
        pool.ended(old[0])
        let first = Self.started(pool.next(now: 0))
        #expect(first.map(\.place) == [0] && first.map(\.version) == [1])
        pool.ended(old[1])
        let step14 = pool.next(now: 0)
        #expect(Self.started(step14).map(\.place) == [1])
    }

    @Test func `a thread that the system does not give is tried again, and counted meanwhile`() {
        var pool = PoolMachine(threads: 2)
        let workers = Self.started(pool.next(now: 0))
        pool.notStarted(workers[1], now: Self.second)
        #expect(pool.missing == 1 && pool.alive == [workers[0]])
        let step15 = pool.next(now: Self.second)
        #expect(step15.isEmpty)
        #expect(pool.wake == Self.second + PoolMachine.pause)
        let step16 = pool.next(now: Self.second + PoolMachine.pause)
        #expect(step16 == [.start(workers[1])])
        #expect(pool.missing == 0 && pool.wake == nil)
    }

    @Test func `who ends by itself is not started again, unless the job changes`() {
        var pool = PoolMachine(threads: 2)
        let workers = Self.started(pool.next(now: 0))
        for worker in workers { pool.ended(worker) }
        let step17 = pool.next(now: 9 * Self.second)
        #expect(step17.isEmpty)
        _ = pool.setVersion()
        let step18 = pool.next(now: 9 * Self.second)
        #expect(Self.started(step18).count == 2)
    }

    @Test func `who is given up is replaced, or not`() {
        var pool = PoolMachine(threads: 2)
        let workers = Self.started(pool.next(now: 0))
        pool.abandoned(workers[0], isReplaced: true)
        let step19 = pool.next(now: 0)
        #expect(Self.started(step19).map(\.place) == [0])
        pool.abandoned(workers[1], isReplaced: false)
        let step20 = pool.next(now: 0)
        #expect(step20.isEmpty)
        pool.ended(workers[0])  // its thread came back after all
        let step21 = pool.next(now: 0)
        #expect(step21.isEmpty)
    }

    @Test func `in a drain nobody is started, and nothing is missing`() {
        var pool = PoolMachine(threads: 2)
        let workers = Self.started(pool.next(now: 0))
        pool.notStarted(workers[1], now: 0)
        pool.drain()
        let step22 = pool.next(now: 99 * Self.second)
        #expect(step22.isEmpty && pool.missing == 0 && pool.wake == nil)
        pool.setTarget(9)
        let step23 = pool.next(now: 99 * Self.second)
        #expect(step23.isEmpty)
    }

    @Test func `random changes: places are never shared, threads bounded, and in the end there are as many as wanted`()
    {
        for seed in UInt64(1)...300 {
            var generator = Seed(seed)
            var pool = PoolMachine(threads: Int.random(in: 1...5, using: &generator))
            var running: Set<Worker> = []
            var leaving: Set<Worker> = []
            var numbers: Set<Int> = []
            var (now, version) = (Self.second, 0)
            func look() {
                for action in pool.next(now: now) {
                    switch action {
                    case .start(let worker):
                        if Int.random(in: 0..<8, using: &generator) == 0 {
                            pool.notStarted(worker, now: now)
                        } else {
                            #expect(numbers.insert(worker.number).inserted, "seed \(seed)")
                            #expect(!running.union(leaving).contains { $0.place == worker.place }, "seed \(seed)")
                            #expect(worker.version == version, "seed \(seed)")
                            running.insert(worker)
                        }
                    case .drain(let worker):
                        #expect(running.remove(worker) != nil, "seed \(seed)")
                        leaving.insert(worker)
                    }
                }
                #expect(Set(pool.alive) == running.union(leaving), "seed \(seed)")
                #expect(running.count <= pool.target, "seed \(seed)")
            }
            for _ in 0..<200 {
                now += UInt64.random(in: 0...Self.second, using: &generator)
                switch Int.random(in: 0..<10, using: &generator) {
                case 0: pool.setTarget(Int.random(in: 0...6, using: &generator))
                case 1: version = pool.setVersion()
                case 2:
                    if let worker = running.randomElement(using: &generator) {
                        running.remove(worker)
                        pool.abandoned(worker, isReplaced: true)
                    }
                case 3...6:
                    if let worker = leaving.randomElement(using: &generator) {
                        leaving.remove(worker)
                        pool.ended(worker)
                    }
                default: break
                }
                look()
            }
            for _ in 0..<50 {
                for worker in leaving { pool.ended(worker) }
                leaving = []
                now += PoolMachine.pause
                look()
            }
            #expect(running.count + pool.missing == pool.target, "seed \(seed)")
            #expect(running.allSatisfy { $0.version == version }, "seed \(seed)")
        }
    }

    @Test func `who is given up while it leaves has left`() {
        var pool = PoolMachine(threads: 2)
        let workers = Self.started(pool.next(now: 0))
        pool.setTarget(1)
        #expect(pool.next(now: 0) == [.drain(workers[1])])
        pool.abandoned(workers[1], isReplaced: false)
        #expect(!pool.isChanging)
        pool.setTarget(2)
        #expect(Self.started(pool.next(now: 0)).map(\.place) == [1])
    }

    @Test func `who leaves wakes nobody while nobody is to take its place, and is a change until it has gone`() {
        var pool = PoolMachine(threads: 2)
        let workers = Self.started(pool.next(now: 0))
        #expect(!pool.isChanging)
        pool.setTarget(1)
        _ = pool.next(now: 0)
        #expect(pool.wake == nil)
        #expect(pool.isChanging)
        pool.ended(workers[1])
        #expect(!pool.isChanging)
    }

    @Test func `when there are too many, who has ended goes before who works`() {
        var pool = PoolMachine(threads: 3)
        let workers = Self.started(pool.next(now: 0))
        pool.ended(workers[0])
        pool.setTarget(2)
        #expect(pool.next(now: 0) == [])
        #expect(pool.alive == [workers[1], workers[2]])
        #expect(pool.all == [workers[1], workers[2]])
    }
}
