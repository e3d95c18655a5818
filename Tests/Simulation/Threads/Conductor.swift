#if DEBUG
    import AMQPCore
    import Glibc
    package import SimulatedWorld

    /// Threads of the system of which one runs at a time: which one goes on at a lock, a wait, a start or an end, a seed decides.
    ///
    /// When all of them wait, it is later at once: the time of the nearest deadline. When none of them has one, that is a deadlock.
    // @unchecked Sendable: only the thread that holds the baton touches a `var`; a semaphore hands it over.
    package final class Conductor: ThreadWorld, @unchecked Sendable {
        package private(set) var players: [Player] = []
        /// Those that have begun and not ended.
        private var alive: [Player] = []
        private var owners: [UnsafeRawPointer: Player] = [:]
        private var current: Player?
        private var time: UInt64 = 1_000_000_000_000
        private var chance: Chance
        private let style: Style
        private var trace: UInt64 = 0xCBF2_9CE4_8422_2325
        private var steps = 0
        private var switches = 0
        private var failure: String?
        private let isOver: UnsafeMutablePointer<sem_t>
        package var network: (any AnyObject & Sendable)?

        /// How threads are interrupted.
        package struct Style: Sendable {
            /// Of 65,536 points at which the running thread might go on, so many at which it does not have to.
            package var interruptions: Int
            /// Of 65,536 points so many at which it gets so late that the nearest deadline passes, though somebody could go on.
            package var stalls: Int
            /// After so many points it is a run that does not end.
            package var limit: Int

            package init(interruptions: Int, stalls: Int = 0, limit: Int = 5_000_000) {
                (self.interruptions, self.stalls, self.limit) = (interruptions, stalls, limit)
            }

            /// One of those that find different things.
            package init(of chance: inout Chance) {
                self.init(
                    interruptions: chance.one(of: [64, 512, 4096, 16_384, 32_768]),
                    stalls: chance.one(of: [0, 0, 4, 32])
                )
            }
        }

        package init(seed: UInt64, _ style: Style) {
            self.chance = Chance(Chance.of(seed, 211))
            self.style = style
            self.isOver = .allocate(capacity: 1)
            sem_init(self.isOver, 0, 0)
        }

        deinit {
            sem_destroy(self.isOver)
            self.isOver.deallocate()
        }

        // MARK: A run

        /// Runs threads until the last one has ended, or something is wrong: then those that are left stay where they are.
        ///
        /// - Parameter root: What the first thread does.
        /// - Returns: What came of it, and what was wrong.
        package func run(_ root: @escaping @Sendable () -> Void) -> Result {
            let (number, body) = self.begin("root", root)
            let player = self.players[number]
            player.state = .ready
            self.alive.append(player)
            self.current = player
            do throws(ThreadError) {
                try WorkerThread.start(name: "root", body).detach()
            } catch {
                self.failure = "\(error)"
                return self.result
            }
            player.pass()
            while sem_wait(self.isOver) != 0 {}
            return self.result
        }

        package struct Result: Sendable {
            /// Nil if nothing is wrong.
            package let failure: String?
            /// Of all that was decided.
            package let hash: UInt64
            package let steps: Int
            package let switches: Int
            /// How long it took, of its own time.
            package let nanoseconds: UInt64
        }

        private var result: Result {
            Result(
                failure: self.failure,
                hash: self.trace,
                steps: self.steps,
                switches: self.switches,
                nanoseconds: self.time - 1_000_000_000_000
            )
        }

        /// Ends the run: the thread that found it never returns, nor does another.
        package func fail(_ text: String) -> Never {
            self.end(text)
            while true { self.current?.await() }
        }

        private func end(_ text: String?) {
            self.failure = self.failure ?? text
            sem_post(self.isOver)
        }

        // MARK: Who goes on

        /// Notes what happened, for the hash of the run.
        package func note(_ number: UInt64) {
            self.trace = (self.trace ^ number) &* 0x100_0000_01B3
            self.trace ^= self.trace >> 29
        }

        /// A point at which another may go on.
        private func point() {
            guard let me = self.current else { return }
            self.time &+= 100
            self.steps += 1
            if self.steps > self.style.limit { self.fail("it does not end: \(self.standing)") }
            let draw = Int(self.chance.next() & 0xFFFF)
            if draw >= 65_536 - self.style.stalls, let next = self.nearest, next > self.time,
                next < self.time + 50_000_000
            {
                self.time = next
            }
            guard draw < self.style.interruptions else { return }
            self.handOver(from: me)
        }

        private func mayGoOn(_ player: Player) -> Bool {
            switch player.state {
            case .ready: true
            case .locking(let lock): self.owners[lock] == nil
            case .sleeping(let lock, let until): until.map { $0 <= self.time } == true && self.owners[lock] == nil
            case .resting(_, let until): until.map { $0 <= self.time } == true
            case .joining(let other): other.hasEnded
            case .begun, .ended: false
            }
        }

        /// The nearest time for which somebody waits.
        private var nearest: UInt64? {
            var nearest: UInt64?
            for player in self.alive {
                switch player.state {
                case .sleeping(_, let until?), .resting(_, let until?): nearest = min(nearest ?? .max, until)
                default: break
                }
            }
            return nearest
        }

        private func next() -> Player? {
            var able = self.alive.filter(self.mayGoOn)
            if able.isEmpty, let nearest {
                self.time = max(self.time, nearest)
                able = self.alive.filter(self.mayGoOn)
            }
            guard !able.isEmpty else { return nil }
            let next = able[self.chance.below(able.count)]
            switch next.state {
            case .locking(let lock), .sleeping(let lock, _): self.owners[lock] = next
            default: break
            }
            next.state = .ready
            self.switches += 1
            self.note(UInt64(next.number) << 48 ^ self.time)
            return next
        }

        /// Whoever is chosen goes on; it may be the same one.
        private func handOver(from me: Player) {
            guard let next = self.next() else { self.fail("nobody can go on: \(self.standing)") }
            guard next !== me else { return }
            self.current = next
            next.pass()
            me.await()
        }

        private func ended(_ me: Player) {
            me.state = .ended
            self.alive.removeAll { $0 === me }
            if self.alive.isEmpty { return self.end(nil) }
            guard let next = self.next() else { return self.end("nobody can go on: \(self.standing)") }
            self.current = next
            next.pass()
        }

        /// Where each thread stands.
        package var standing: String {
            self.alive.map { player in
                switch player.state {
                case .locking(let lock): "\(player.name) waits for a lock of \(self.owners[lock]?.name ?? "nobody")"
                case .sleeping(_, let until), .resting(_, let until):
                    "\(player.name) sleeps \(until == nil ? "without end" : "until a time")"
                case .joining(let other): "\(player.name) waits for the end of \(other.name)"
                default: "\(player.name) runs"
                }
            }.joined(separator: "; ")
        }

        /// The names of the threads that have not ended.
        package var living: [String] { self.alive.map(\.name) }
        /// Which thread runs.
        package var number: Int { self.current?.number ?? -1 }

        // MARK: ThreadWorld

        package func now() -> UInt64 {
            self.time &+= 20
            return self.time
        }

        /// From a time of day in 2023.
        package func timeOfDay() -> Int64 { 1_700_000_000_000 + Int64(self.now() / 1_000_000) }
        package func random() -> UInt64 { self.chance.next() }
        package func pause() { self.point() }

        package func lock(_ lock: UnsafeRawPointer) {
            self.point()
            guard let me = self.current else { return }
            guard self.owners[lock] != nil else { return self.owners[lock] = me }
            me.state = .locking(lock)
            self.handOver(from: me)
        }

        package func unlock(_ lock: UnsafeRawPointer) {
            self.owners[lock] = nil
            self.point()
        }

        package func sleep(_ lock: UnsafeRawPointer, until deadline: UInt64?) {
            guard let me = self.current else { return }
            self.owners[lock] = nil
            me.state = .sleeping(lock, until: deadline)
            self.handOver(from: me)
        }

        /// The same for one that holds no lock.
        package func rest(_ place: UnsafeRawPointer, until deadline: UInt64?) {
            guard let me = self.current else { return }
            me.state = .resting(place, until: deadline)
            self.handOver(from: me)
        }

        package func wake(_ lock: UnsafeRawPointer, all: Bool) {
            self.rouse(lock, all: all)
            self.point()
        }

        /// The same; the calling thread goes on.
        package func rouse(_ lock: UnsafeRawPointer, all: Bool = true) {
            var sleepers = self.alive.filter { player in
                switch player.state {
                case .sleeping(let place, _), .resting(let place, _): place == lock
                default: false
                }
            }
            if !all, sleepers.count > 1 { sleepers = [sleepers[self.chance.below(sleepers.count)]] }
            for sleeper in sleepers {
                if case .sleeping(let place, _) = sleeper.state {
                    sleeper.state = .locking(place)
                } else {
                    sleeper.state = .ready
                }
            }
        }

        package func begin(
            _ name: String,
            _ body: @escaping @Sendable () -> Void
        ) -> (number: Int, body: @Sendable () -> Void) {
            let player = Player(number: self.players.count, name: name, body)
            self.players.append(player)
            return (
                player.number,
                {
                    player.await()
                    CurrentWorld.enter(self) { player.perform() }
                    self.ended(player)
                }
            )
        }

        package func started(_ number: Int) {
            self.players[number].state = .ready
            self.alive.append(self.players[number])
            self.point()
        }

        package func join(_ number: Int) {
            let other = self.players[number]
            guard let me = self.current, !other.hasEnded else { return }
            me.state = .joining(other)
            self.handOver(from: me)
        }
    }
#endif
