import Testing

@testable import SimulatedWorld

/// What a run is made of.
@Suite struct PartsTests {
    private static func swarm(_ seed: UInt64, _ change: (inout Swarm) -> Void) -> Swarm {
        var swarm = Swarm(seed: seed)
        change(&swarm)
        return swarm
    }

    /// All octets that arrive.
    private static func arrivals(_ pipe: inout Pipe) -> [UInt8] {
        var octets: [UInt8] = []
        while case .octets(let more)? = pipe.next() { octets += more }
        return octets
    }

    @Test(arguments: Swarm.Pieces.allCases)
    func `a pipe cuts and delays, and changes neither octets nor order`(pieces: Swarm.Pieces) {
        let swarm = Self.swarm(3) {
            $0.pieces = pieces
            $0.jitterMilliseconds = 30
        }
        var pipe = Pipe(swarm, salt: 1)
        let sent = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var times: [UInt64] = []
        sent.withUnsafeBytes { bytes in
            pipe.send(UnsafeRawBufferPointer(rebasing: bytes[..<1000]), now: 5) { times.append($0) }
            pipe.send(UnsafeRawBufferPointer(rebasing: bytes[1000...]), now: 9) { times.append($0) }
        }
        #expect(Self.arrivals(&pipe) == sent)
        #expect(times == times.sorted())
        #expect(pieces == .whole ? times.count == 2 : times.count > 2)
    }

    @Test func `a pipe breaks behind the octet that was said, and not before`() {
        for count in 1...40 {
            var pipe = Pipe(Self.swarm(9) { $0.pieces = .small }, salt: 1)
            pipe.breaks = (count, .reset)
            [UInt8](0..<40).withUnsafeBytes { pipe.send($0, now: 0) { _ in } }
            var octets: [UInt8] = []
            while !pipe.isBroken, case .octets(let more)? = pipe.next() { octets += more }
            #expect(octets == [UInt8](0..<UInt8(count)))
            #expect(pipe.isBroken)
        }
    }

    private static func confirm(_ tag: UInt8, on channel: UInt8, isMultiple: Bool = false) -> [UInt8] {
        [1, 0, channel, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, tag, isMultiple ? 1 : 0, 0xCE]
    }

    @Test func `confirms that were kept back are one, and a close drops them`() {
        var mouth = Mouth()
        mouth.isWithholding = true
        #expect(mouth.say(Self.confirm(1, on: 1) + Self.confirm(2, on: 1) + Self.confirm(1, on: 2)) == [])
        #expect(mouth.release() == Self.confirm(2, on: 1, isMultiple: true) + Self.confirm(1, on: 2))
        mouth.isWithholding = true
        _ = mouth.say(Self.confirm(3, on: 1) + Self.confirm(2, on: 2))
        let closeOk: [UInt8] = [1, 0, 1, 0, 0, 0, 4, 0, 20, 0, 41, 0xCE]
        #expect(mouth.say(closeOk) == closeOk)
        #expect(mouth.release() == Self.confirm(2, on: 2))
    }

    @Test func `a confirm becomes a refusal`() {
        var mouth = Mouth()
        mouth.refusals = 1
        var refused = Self.confirm(1, on: 1)
        refused[10] = 120
        #expect(mouth.say(Self.confirm(1, on: 1) + Self.confirm(2, on: 1)) == refused + Self.confirm(2, on: 1))
    }

    @Test func `what is due comes by its time, and of one time in the order in which it was put in`() {
        var agenda = Agenda()
        for (place, time) in [5, 3, 5, 1, 3, 9, 1].enumerated() { agenda.add(.decision(place), at: UInt64(time)) }
        var order: [Int] = []
        while case (_, .decision(let place))? = agenda.next() { order.append(place) }
        #expect(order == [3, 6, 1, 4, 0, 2, 5])
    }

    @Test func `decisions of a seed stand in the order of their times, and begin with work`() {
        for seed in UInt64(1)...100 {
            let simulation = Simulation(seed: seed)
            #expect(simulation.decisions.map(\.at) == simulation.decisions.map(\.at).sorted())
            #expect(simulation.decisions.contains { !$0.what.isFault })
            #expect(simulation.decisions.allSatisfy { $0.at < simulation.swarm.horizonMilliseconds })
        }
    }
}
