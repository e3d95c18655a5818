import AMQPClient
import Millrace
import TestSupport
import Testing

/// Random orders of sends, answers, refusals, ends of channels and drains: every input leaves exactly once, and what the
/// broker has accepted goes again only behind the end of a channel.
@Suite struct OutputQueueRandomTests {
    /// A worker and its broker, as far as the queue sees them.
    private struct World {
        var queue: OutputQueue<Int>
        let isTransactional: Bool
        var seed: Seed
        var now: UInt64 = 0
        /// How many outputs each input has.
        var outputs: [Int] = []
        /// How often each input has left.
        var left: [Int: Int] = [:]
        /// On the channel and not answered: token, input, place.
        var onTheWay: [(token: UInt64, input: Int, place: Int)] = []
        var accepted: [[Int]: Int] = [:]
        var channelsEnded = 0

        init(isTransactional: Bool, size: Int, seed: Seed) {
            self.isTransactional = isTransactional
            self.seed = seed
            self.queue = OutputQueue(.init(isTransactional: isTransactional, size: size, timeout: 20_000_000))
        }

        mutating func leave(_ inputs: [Int]) { for input in inputs { self.left[input, default: 0] += 1 } }

        mutating func add() {
            let outputs = Int.random(in: 1...3, using: &self.seed)
            self.queue.add(self.outputs.count, outputs: outputs, now: self.now)
            self.outputs.append(outputs)
        }

        mutating func send(mayWait: Bool, limit: Int) {
            if !self.isTransactional {
                switch self.queue.renewal(now: self.now) {
                case .none: break
                case .wait: return
                case .renew:
                    let isNew = Int.random(in: 0..<4, using: &self.seed) > 0
                    self.queue.renewed(isNew)
                    if isNew { self.endOfChannel() }
                }
            }
            for _ in 0..<limit {
                guard let step = self.queue.next(now: self.now, mayWait: mayWait) else { return }
                if Int.random(in: 0..<50, using: &self.seed) == 0 {
                    if let input = self.queue.remove(step.token) { self.leave([input]) }
                    continue
                }
                self.onTheWay.append((step.token, step.load, step.index))
                self.queue.sent(step.token, now: self.now)
            }
        }

        private mutating func endOfChannel() {
            if !self.onTheWay.isEmpty { self.channelsEnded += 1 }
            self.onTheWay.removeAll()
        }

        mutating func answer(isKind: Bool) {
            if self.isTransactional { return self.commit(isKind: isKind) }
            guard !self.onTheWay.isEmpty else { return }
            let index = Int.random(in: 0..<self.onTheWay.count, using: &self.seed)
            let answered = self.onTheWay.remove(at: index)
            let luck = isKind ? 0 : Int.random(in: 0..<10, using: &self.seed)
            let verdict: ConfirmVerdict = luck < 5 ? .confirmed : luck < 9 ? .refused : .returned
            self.take(answered, verdict)
        }

        private mutating func take(_ answer: (token: UInt64, input: Int, place: Int), _ verdict: ConfirmVerdict) {
            if verdict == .confirmed, self.left[answer.input] == nil {
                self.accepted[[answer.input, answer.place], default: 0] += 1
            }
            if let finished = self.queue.answered(answer.token, verdict, now: self.now) {
                self.leave([finished.load])
                #expect(finished.outputs == self.outputs[finished.load])
            }
        }

        private mutating func commit(isKind: Bool) {
            guard self.queue.mustCommit else { return }
            if !isKind, Int.random(in: 0..<3, using: &self.seed) == 0 { return self.end(isRefusal: true) }
            self.queue.committed()
            let answers = self.onTheWay
            self.onTheWay.removeAll()
            for answer in answers { self.take(answer, .confirmed) }
        }

        mutating func end(isRefusal: Bool) {
            for answer in self.onTheWay { self.take(answer, .unknown) }
            self.endOfChannel()
            let atFault = self.queue.channelEnded(isRefusal: isRefusal, now: self.now)
            if isRefusal { #expect(self.isTransactional ? atFault.isEmpty : true) }
            self.leave(atFault)
        }

        mutating func step() {
            self.now += UInt64.random(in: 0...30_000_000, using: &self.seed)
            switch Int.random(in: 0..<20, using: &self.seed) {
            case 0..<6: self.add()
            case 6..<11:
                let limit = Int.random(in: 1...5, using: &self.seed)
                self.send(mayWait: Bool.random(using: &self.seed), limit: limit)
            case 11..<17: self.answer(isKind: false)
            case 17: self.end(isRefusal: Bool.random(using: &self.seed))
            case 18: if Int.random(in: 0..<10, using: &self.seed) == 0 { self.leave(self.queue.takeRefused()) }
            default:
                guard Int.random(in: 0..<20, using: &self.seed) == 0 else { return }
                self.leave(self.queue.removeAll())
                if self.isTransactional { self.endOfChannel() }
            }
        }
    }

    @Test(arguments: [false, true], [1, 4]) func `every input leaves exactly once`(tx: Bool, size: Int) {
        for _ in 0..<200 {
            let seed = Seed()
            var world = World(isTransactional: tx, size: size, seed: seed)
            for _ in 0..<300 { world.step() }
            // From here on the broker takes everything.
            var rounds = 0
            while !world.queue.isEmpty, rounds < 10_000 {
                rounds += 1
                world.now += 10_000_000
                world.send(mayWait: false, limit: 1000)
                world.answer(isKind: true)
            }
            #expect(world.queue.isEmpty, "\(seed.replay)")
            #expect(world.left.count == world.outputs.count, "\(seed.replay)")
            #expect(world.left.values.allSatisfy { $0 == 1 }, "\(seed.replay)")
            #expect(world.queue.refusedCount == 0, "\(seed.replay)")
            if !tx, world.channelsEnded == 0 {
                #expect(world.accepted.values.allSatisfy { $0 == 1 }, "\(seed.replay)")
            }
        }
    }

    @Test func `refused again and again, without the end of a channel: each output is accepted once`() {
        for _ in 0..<200 {
            let seed = Seed()
            var world = World(isTransactional: false, size: 1, seed: seed)
            for _ in 0..<20 { world.add() }
            for _ in 0..<20_000 where !world.queue.isEmpty {
                world.now += 10_000_000
                world.send(mayWait: false, limit: 3)
                for _ in 0..<3 { world.answer(isKind: false) }
            }
            #expect(world.queue.isEmpty, "\(seed.replay)")
            guard world.channelsEnded == 0 else { continue }
            #expect(world.accepted.values.allSatisfy { $0 == 1 }, "\(seed.replay)")
        }
    }
}
