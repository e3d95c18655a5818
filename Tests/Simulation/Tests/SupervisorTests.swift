#if DEBUG
    import SimulatedSupervisor
    import SimulatedThreads
    import Testing

    /// The whole supervisor on threads of which one runs at a time, against the embedded broker.
    @Suite(.timeLimit(.minutes(5))) struct SupervisorTests {
        private static let parts: UInt64 = 4
        private static let seeds: UInt64 = 200

        @Test(arguments: 0..<4)
        func `a seed breaks no rule`(part: Int) {
            let share = Self.seeds / Self.parts
            let first = UInt64(part) * share + 1
            for seed in first..<first + share {
                let simulation = SupervisorSimulation(seed: seed)
                guard let failure = simulation.run().failure else { continue }
                Issue.record("seed \(seed): \(failure)\n\(simulation.scene.text)")
                return  // the threads of that run stay where they are
            }
        }

        @Test func `the same seed is the same run`() {
            for seed in UInt64(1001)...1020 {
                let (one, other) = (SupervisorSimulation(seed: seed).run(), SupervisorSimulation(seed: seed).run())
                #expect(one.hash == other.hash && one.switches == other.switches, "seed \(seed) is another run")
            }
        }

        @Test func `other seeds are other runs, and reach all that can happen`() {
            let scenes = (UInt64(1)...200).map { SupervisorSimulation(seed: $0).scene }
            #expect(Set(scenes.flatMap(\.kinds)) == Scene.allKinds)
            #expect(scenes.contains { !$0.hasFaults })
            let hashes = Set((UInt64(1021)...1030).map { SupervisorSimulation(seed: $0).run().hash })
            #expect(hashes.count == 10)
        }
    }
#endif
