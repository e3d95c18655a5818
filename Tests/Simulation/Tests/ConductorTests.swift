#if DEBUG
    import AMQPCore
    import SimulatedThreads
    import Synchronization
    import Testing

    /// The scheduler finds what threads do to each other, and the same again.
    @Suite(.timeLimit(.minutes(1))) struct ConductorTests {
        private func run(_ seed: UInt64, _ root: @escaping @Sendable () throws -> Void) -> Conductor.Result {
            let conductor = Conductor(seed: seed, Conductor.Style(interruptions: 16_384, limit: 100_000))
            return conductor.run {
                do { try root() } catch { conductor.fail("\(error)") }
            }
        }

        /// The first seed of which `body` makes something bad.
        private func find(in seeds: ClosedRange<UInt64>, _ body: (UInt64) -> Bool) -> UInt64? {
            seeds.first(where: body)
        }

        /// Adds in two steps what has to be one.
        @Sendable private static func count(inOneStep: Bool, _ total: Monitor<Int>) throws {
            let threads = try (0..<2).map { _ in
                try WorkerThread.start(name: "adder") {
                    if inOneStep { return total.withLock { $0 += 1 } }
                    let seen = total.withLock { $0 }
                    total.withLock { $0 = seen + 1 }
                }
            }
            for thread in threads { thread.join() }
        }

        @Test func `a race is found, and none where there is none`() {
            func loses(_ seed: UInt64, inOneStep: Bool) -> Bool {
                let total = Monitor(0)
                let result = self.run(seed) { try Self.count(inOneStep: inOneStep, total) }
                #expect(result.failure == nil)
                return total.withLock { $0 } != 2
            }
            #expect(self.find(in: 1...100) { loses($0, inOneStep: false) } != nil)
            #expect(self.find(in: 1...100) { loses($0, inOneStep: true) } == nil)
        }

        /// Looks, and then sleeps: who signals in between wakes nobody.
        @Sendable private static func sleepAfterLook(isCareful: Bool) throws {
            let (isReady, bell) = (Monitor(false), Monitor(false))
            let sleeper = try WorkerThread.start(name: "sleeper") {
                if isCareful {
                    _ = isReady.wait(until: nil) { $0 ? () : nil }
                } else if !isReady.withLock({ $0 }) {
                    var isFirst = true
                    _ = bell.wait(until: nil) { _ in
                        defer { isFirst = false }
                        return isFirst ? nil : ()
                    }
                }
            }
            isReady.withLock { $0 = true }
            (isCareful ? isReady : bell).broadcast()
            sleeper.join()
        }

        @Test func `a lost wake-up is found as a deadlock, and says who waits for whom`() throws {
            var failure: String?
            let found = self.find(in: 1...100) { seed in
                failure = self.run(seed) { try Self.sleepAfterLook(isCareful: false) }.failure
                return failure != nil
            }
            #expect(found != nil)
            let text = try #require(failure)
            #expect(text.contains("sleeper sleeps without end"))
            #expect(text.contains("root waits for the end of sleeper"))
            #expect(
                self.find(in: 1...100) { self.run($0) { try Self.sleepAfterLook(isCareful: true) }.failure != nil }
                    == nil
            )
        }

        @Test func `the same seed is the same run, and another one is another`() {
            let hashes = (UInt64(1)...50).map { seed in
                let one = self.run(seed) { try Self.count(inOneStep: false, Monitor(0)) }
                let other = self.run(seed) { try Self.count(inOneStep: false, Monitor(0)) }
                #expect(one.hash == other.hash)
                #expect(one.steps == other.steps)
                return one.hash
            }
            #expect(Set(hashes).count > 25)
        }

        @Test func `hours of waiting take no time, and end in order`() {
            let order = Monitor<[Int]>([])
            let began = ContinuousClock.now
            let result = self.run(7) {
                let threads = try [3, 1, 2].map { hours in
                    try WorkerThread.start(name: "waiter") {
                        let until = MonotonicClock.now() + UInt64(hours) * 3_600_000_000_000
                        let never = Monitor(0)
                        let ended: Void? = never.wait(until: until) { _ in nil }
                        if ended == nil { order.withLock { $0.append(hours) } }
                    }
                }
                for thread in threads { thread.join() }
            }
            #expect(result.failure == nil)
            #expect(order.withLock { $0 } == [1, 2, 3])
            #expect(result.nanoseconds >= 3 * 3_600_000_000_000)
            #expect(ContinuousClock.now - began < .seconds(10))
        }

        @Test func `a run that does not end is ended`() {
            let result = self.run(1) {
                let lock = Monitor(0)
                while lock.withLock({ $0 }) == 0 {}
            }
            #expect(result.failure?.hasPrefix("it does not end") == true)
        }

        @Test func `a thread that does not belong to it goes by the system's locks and clock`() {
            #expect(CurrentWorld.world == nil)
            let before = MonotonicClock.now()
            _ = self.run(1) {}
            #expect(MonotonicClock.now() - before < 60_000_000_000)
        }
    }
#endif
