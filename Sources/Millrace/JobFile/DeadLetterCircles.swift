/// Ways on which dead letters come back to the queue that they died in, as far as a job file shows them.
///
/// A queue's dead letters leave it by its `dead_letter`; those of a job's queue that has none go to `QUEUE.dead`. Bindings
/// between exchanges of the file are followed.
package struct DeadLetterCircles: Sendable {
    /// How fast a message goes round, if it fails each time.
    package enum Pace: Equatable, Sendable {
        /// Each that fails comes back at once.
        case atOnce
        /// Each that fails comes back, after this time in queues that no job consumes.
        case held(Duration)
        /// Some may: that depends on their keys, on what a handler says, or on how full a queue is.
        case sometimes
        /// No job is on the way: brokers drop what comes round by itself.
        case dropped
    }

    package struct Circle: Equatable, Sendable {
        /// In the order of the way; the first comes again behind the last.
        package let queues: [String]
        package let pace: Pace

        package init(queues: [String], pace: Pace) {
            self.queues = queues
            self.pace = pace
        }
    }

    /// Each queue is in one of them at most, unless several circles lead through it.
    package private(set) var all: [Circle] = []

    private enum Departure: Equatable {
        case never
        case atOnce
        case held(Duration)
        case sometimes
    }

    private struct Edge {
        let target: String
        let departure: Departure
    }

    private let routes: DeadLetterRoutes
    private var edges: [String: [Edge]] = [:]
    private var jobQueues: Set<String> = []

    package init(queues: [QueueDefinition], exchanges: [ExchangeDefinition], jobs: [JobDefinition]) {
        self.routes = DeadLetterRoutes(queues: queues, exchanges: exchanges)
        self.jobQueues = Set(jobs.flatMap(\.queues))
        var names: [String] = []
        var known: Set<String> = []
        for name in queues.map(\.name) + jobs.flatMap(\.queues) where known.insert(name).inserted { names.append(name) }
        let definitions = Dictionary(queues.map { ($0.name, $0) }) { first, _ in first }
        for name in names { self.edges[name] = self.edges(of: name, definitions[name], jobs) }
        self.find(from: names)
    }

    // MARK: One queue

    private func edges(of name: String, _ queue: QueueDefinition?, _ jobs: [JobDefinition]) -> [Edge] {
        let departure = Self.departure(queue, jobs.filter { $0.queues.contains(name) })
        guard departure != .never else { return [] }
        guard let target = queue?.deadLetter else {
            // A broker drops what dies without a target; a job has one of its own.
            guard self.jobQueues.contains(name) else { return [] }
            return [Edge(target: DerivedName.of(name, "dead"), departure: departure)]
        }
        return self.routes.queues(behind: target).map { route in
            Edge(target: route.queue, departure: route.isCertain ? departure : .sometimes)
        }
    }

    /// How messages die in a queue.
    private static func departure(_ queue: QueueDefinition?, _ jobs: [JobDefinition]) -> Departure {
        guard jobs.isEmpty else {
            let isCertain = jobs.contains { $0.onFailure == .retry || $0.onFailure == .reject }
            return isCertain ? .atOnce : .sometimes
        }
        // Only what we declare is known of it.
        guard let queue, queue.declare == .active else { return .never }
        if let time = queue.messageTTL { return time > .zero ? .held(time) : .atOnce }
        let isLimited = queue.maxLength != nil || queue.maxLengthBytes != nil
        return isLimited && queue.overflow != .rejectPublish ? .sometimes : .never
    }

    // MARK: All of them

    /// The fast ways first, so that a queue that is on a slow one too is told of for the fast one.
    private mutating func find(from names: [String]) {
        var found: Set<String> = []
        let rounds: [(Departure) -> Bool] = [{ $0 == .atOnce }, { $0 != .sometimes }, { _ in true }]
        for isWay in rounds {
            for name in names where !found.contains(name) {
                guard let way = self.shortestWay(from: name, by: isWay) else { continue }
                found.formUnion(way.map(\.from))
                self.all.append(Circle(queues: way.map(\.from), pace: self.pace(way.map(\.edge), way.map(\.from))))
            }
        }
    }

    private func shortestWay(
        from start: String,
        by isWay: (Departure) -> Bool
    ) -> [(from: String, edge: Edge)]? {
        var ways: [(end: String, steps: [(from: String, edge: Edge)])] = [(start, [])]
        var seen: Set<String> = []
        var next = 0
        while next < ways.count {
            let way = ways[next]
            next += 1
            for edge in self.edges[way.end] ?? [] where isWay(edge.departure) {
                let steps = way.steps + [(way.end, edge)]
                if edge.target == start { return steps }
                if seen.insert(edge.target).inserted { ways.append((edge.target, steps)) }
            }
        }
        return nil
    }

    private func pace(_ edges: [Edge], _ queues: [String]) -> Pace {
        if self.jobQueues.isDisjoint(with: queues) { return .dropped }
        if edges.contains(where: { $0.departure == .sometimes }) { return .sometimes }
        var time = Duration.zero
        for case .held(let part) in edges.map(\.departure) { time += part }
        return time > .zero ? .held(time) : .atOnce
    }
}
