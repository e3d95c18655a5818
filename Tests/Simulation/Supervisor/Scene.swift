#if DEBUG
    import SimulatedThreads
    import SimulatedWorld

    /// What a seed draws: a job file, messages, what operators do, and what goes wrong.
    package struct Scene: Sendable {
        /// Something that happens at a time.
        struct Act: Sendable {
            enum What: CaseIterable, Sendable {
                case publish, scale, pause, resume, restart, reload, drain
                case cut, closeConnection, closeChannels, block, refuse

                var isFault: Bool {
                    switch self {
                    case .cut, .closeConnection, .closeChannels, .block, .refuse: true
                    default: false
                    }
                }
            }
            let what: What
            /// Milliseconds since the beginning.
            let at: UInt64
            let amount: Int
        }
        package let seed: UInt64
        let profile: String
        let isQuorum: Bool
        let threads: Int
        /// As many as the backlog asks for, up to one more than twice that.
        let followsBacklog: Bool
        /// Outputs and copies have a connection of their own.
        let isSeparate: Bool
        let prefetch: Int
        let attempts: Int
        /// Microseconds that octets are under way at most.
        let latency: Int
        /// Of a hundred pieces of octets so many that are cut.
        let cuts: Int
        /// Of a thousand writes so many for which the socket is full.
        let fullness: Int
        let tickSeconds: Int?
        package let hasFaults: Bool
        let acts: [Act]
        let style: Conductor.Style
        static let horizon: UInt64 = 20_000

        package init(seed: UInt64) {
            var chance = Chance(Chance.of(seed, 1))
            self.seed = seed
            self.profile = chance.one(of: ["3.10", "4.0", "4.3"])
            self.isQuorum = chance.percent(40)
            self.threads = 1 + chance.below(3)
            self.prefetch = chance.one(of: [1, 2, 5, 20])
            self.attempts = 2 + chance.below(3)
            self.latency = chance.one(of: [20, 300, 5000, 60_000])
            self.cuts = chance.one(of: [0, 5, 50])
            self.fullness = chance.one(of: [0, 0, 5, 50])
            self.tickSeconds = chance.percent(40) ? 1 + chance.below(4) : nil
            self.style = Conductor.Style(of: &chance)
            self.followsBacklog = chance.percent(25)
            self.isSeparate = chance.percent(40)
            let hasFaults = chance.percent(60)
            self.hasFaults = hasFaults
            let kinds = Act.What.allCases.filter { hasFaults || !$0.isFault }.filter { _ in chance.percent(60) }
            var acts = [Act(what: .publish, at: 0, amount: 1 + chance.below(5))]
            for _ in 0..<chance.below(12) {
                let what = kinds.isEmpty ? .publish : chance.one(of: kinds)
                acts.append(Act(what: what, at: UInt64(chance.below(Int(Self.horizon))), amount: 1 + chance.below(4)))
            }
            self.acts = acts.sorted { $0.at < $1.at }
        }

        /// The job file, or the one that takes its place: another prefetch, and as many threads.
        func file(_ version: Int) -> String {
            let kind = self.isQuorum ? "type: quorum, " : ""
            let most = 2 * self.threads + 1
            let threads =
                self.followsBacklog
                ? "{ min: \(self.threads), max: \(most), target_wait: 1s, shrink_after: 5s }" : "\(self.threads)"
            let schedule = self.tickSeconds.map {
                """
                schedules:
                  beat: { every: \($0)s, queue: beats, catch_up: all }
                """
            }
            return """
                version: 1
                connection:
                  uri: "amqp://guest:guest@127.0.0.1:5672"
                  publishing: \(self.isSeparate ? "separate" : "shared")
                  recovery: { initial_interval: 50ms, max_interval: 2s }
                queues:
                  in: { \(kind)dead_letter: { routing_key: in.dead } }
                  in.dead: {}
                  out: {}
                  beats: {}
                jobs:
                  work:
                    queue: in
                    handler: sim.work
                    threads: \(threads)
                    prefetch: \(version == 0 ? self.prefetch : 1 + version)
                    retry: { max_attempts: \(self.attempts), initial_interval: 200ms, max_interval: 2s }
                  beats:
                    queue: beats
                    handler: sim.tick
                \(schedule ?? "")
                shutdown_timeout: 30s
                crash_ledger: false
                """
        }

        /// What happens, by name.
        package var kinds: [String] { self.acts.map { "\($0.what)" } }
        /// All that can.
        package static var allKinds: Set<String> { Set(Act.What.allCases.map { "\($0)" }) }

        /// As people read it.
        package var text: String {
            let acts = self.acts.map { "    \($0.at) ms: \($0.what) \($0.amount)" }.joined(separator: "\n")
            return """
                profile \(self.profile), \(self.isQuorum ? "quorum" : "classic"), threads \(self.threads)\(self.followsBacklog ? " or more" : ""), \(self.isSeparate ? "two connections" : "one connection"), prefetch \(self.prefetch), \
                attempts \(self.attempts), latency \(self.latency) us, cuts \(self.cuts) %, full \(self.fullness) of 1000, \
                ticks \(self.tickSeconds.map { "every \($0) s" } ?? "none"), faults \(self.hasFaults), \
                interruptions \(self.style.interruptions), stalls \(self.style.stalls)
                \(acts)
                """
        }
    }
#endif
